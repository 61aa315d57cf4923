// `then` is a word of the action.
/* oxlint-disable unicorn/no-thenable */
import { describe, expect, it } from 'vitest'
import { around, blank, KINDS, listed, oneIn, sentence, unreachable } from './policies'

describe('a policy in a sentence', () => {
  it('says what is accepted, by whom, up to what, and how much of it is shown', () => {
    expect(sentence({ ...blank(), kinds: ['typography', 'spelling'], risk: 'medium', sample: 10 }, 'Line editor')).toBe(
      'Accept typography and spelling by Line editor at once, up to medium risk; show me one in ten.',
    )
    expect(sentence({ ...blank(), sample: 0 }, 'any agent')).toBe('Accept typography by any agent at once, where the risk is low.')
    expect(sentence({ ...blank(), risk: 'high', sample: 1, skill: 'proofread' }, 'Muse')).toBe(
      'Accept typography by Muse, from the skill “proofread” at once, whatever the risk; show me each.',
    )
  })
  it('says that a model has to agree', () => {
    expect(sentence({ ...blank(), kinds: ['wording'], risk: 'medium', second_look: true, sample: 0 }, 'Muse')).toBe(
      'Accept wording by Muse at once, up to medium risk and when a model finds that it says the same.',
    )
    expect(sentence({ ...blank(), second_look: true, sample: 0 }, 'Muse')).toBe('Accept typography by Muse at once, where the risk is low.')
  })
  it('says what is asked', () => {
    expect(sentence({ ...blank(), kinds: ['name', 'number'], then: 'ask' }, 'any agent')).toBe('Always ask me about names and numbers by any agent.')
  })
  it('counts as people do', () => {
    expect([0, 1, 2, 10, 20, 50].map(oneIn)).toEqual(['none', 'each', 'one in two', 'one in ten', 'one in twenty', 'one in 50'])
    expect(listed(['a', 'b', 'c'], 'or')).toBe('a, b or c')
  })
})

describe('what a policy can never accept', () => {
  it('names the kinds of which nothing is of so little risk', () => {
    expect(unreachable(blank())).toEqual([])
    expect(unreachable({ ...blank(), kinds: ['typography', 'spelling', 'number'] })).toEqual(['spelling', 'number'])
    expect(unreachable({ ...blank(), kinds: ['spelling', 'number'], risk: 'medium' })).toEqual(['number'])
    expect(unreachable({ ...blank(), kinds: KINDS.map(({ kind }) => kind), risk: 'high' })).toEqual([])
    expect(unreachable({ ...blank(), kinds: ['number'], then: 'ask' })).toEqual([])
  })
})

describe('the words around a change', () => {
  it('are of its own paragraph and whole', () => {
    expect(around('Above.\n\nHe said ', ' and went.\n\nBelow')).toEqual(['He said ', ' and went.'])
    expect(around('the quick brown fox jumped over the lazy dog and then ', ' it went home to its hole in the ground')).toEqual([
      '… over the lazy dog and then ', ' it went home to its hole …',
    ])
  })
})

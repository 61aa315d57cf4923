import { describe, expect, it } from 'vitest'
import { moved, notes, now, ofUse, over, type Round, type RoundTurn } from './rounds.svelte'

const turn = (id: string, state: RoundTurn['state']): RoundTurn => ({ id, state, agent: 'critic', do: 'critique', instruction: '', run: '', results: [], error: null, note: '' })
const round = (...turns: RoundTurn[]): Round => ({ id: 'r', name: 'R', prompt: '', place: {}, by: { id: 'a', name: 'A' }, state: 'running', started: 1, turns, said: [], suggestions: [], problem: null })

describe('a round', () => {
  it('is at the turn that works, else at the next one', () => {
    expect(now(round(turn('a', 'done'), turn('b', 'running'), turn('c', 'coming')))?.id).toBe('b')
    expect(now(round(turn('a', 'done'), turn('b', 'coming')))?.id).toBe('b')
    expect(now(round(turn('a', 'done')))).toBeUndefined()
  })
  it('is over when it is done or was stopped', () => {
    expect([over(round()), over({ ...round(), state: 'paused' }), over({ ...round(), state: 'stopped' })]).toEqual([false, false, true])
  })
})

describe('what a round would have people know', () => {
  it('is said once, of turns that are over', () => {
    const small = 'SmolLM2 135M (embedded) is a small model: read it with care.'
    const noted = (id: string, note: string, state: RoundTurn['state'] = 'done'): RoundTurn => ({ ...turn(id, state), note })
    expect(notes(round(noted('a', small), noted('b', `${small} What the comments say was measured.`), noted('c', 'It broke.', 'failed'), turn('d', 'coming')))).toEqual([small, 'What the comments say was measured.'])
  })
})

describe('of rounds that have ended, when a canvas is opened', () => {
  const ended = (id: string, started: number, more: Partial<Round> = {}): Round => ({ ...round(), id, state: 'done', started, finished: started + 60, ...more })
  const open = new Set(['s1'])
  it('the newest is shown while something of it waits for a decision', () => {
    expect(ofUse([ended('a', 1, { suggestions: ['s1'] }), ended('b', 2, { suggestions: ['s1', 's2'] })], open, 1e9)?.id).toBe('b')
    expect(ofUse([ended('b', 2, { suggestions: ['s2'] })], open, 100)).toBeUndefined()
  })
  it('one that somebody stopped can be begun again for a day', () => {
    expect(ofUse([ended('a', 1, { state: 'stopped' })], open, 1000)?.id).toBe('a')
    expect(ofUse([ended('a', 1, { state: 'stopped' })], open, 200_000)).toBeUndefined()
  })
})

describe('turns', () => {
  it('are moved by a step, and not out of the list', () => {
    expect(moved([1, 2, 3], 1, -1)).toEqual([2, 1, 3])
    expect(moved([1, 2, 3], 2, 1)).toEqual([1, 2, 3])
  })
})

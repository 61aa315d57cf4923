import { describe, expect, it } from 'vitest'
import { authorOf, byCanvas, gist, type Item, matches, rivals, takes, type WaitingHunk } from './items'

const hunk = (was: string, now: string, more: Partial<WaitingHunk> = {}): WaitingHunk => ({ hunk: 0, before: '', was, now, after: '', ...more })
const author = { id: 'muse', name: 'Muse', kind: 'agent', color: '#9048fc' } as const
const option = (suggestion: string, ...hunks: WaitingHunk[]) => ({
  suggestion, author, at: 1, reason: 'Plainer.', evidence: [], skill: '', model: '', run: '', kinds: ['wording'], risk: 'low', stale: false, hunks, more: 0,
})
const item = (id: string, more: Partial<Item> = {}): Item => ({
  id, kind: 'suggestion', at: 1, canvas: { id: 'c1', title: 'Lamp', role: 'editor' }, page: 'p', title: 'One', score: 30, why: '', place: 0, rev: 'r', ...more,
})

it('says a change in whole words', () => {
  expect(gist(item('a', { options: [option('a', hunk('It was very, very quiet.', 'It was very quiet.'))] }))).toMatchObject({ del: 'very, very', ins: 'very' })
  expect(gist(item('a', { options: [option('a', hunk('"You are late,"', '“You are late,”'))] }))).toMatchObject({ del: '"You', ins: '“You' })
  expect(gist(item('a', { options: [option('a', hunk('', ' And so on.'))] }))).toEqual({ del: '', ins: 'And so on.', text: '' })
})

it('says of a task what it asks, what it came to, or why it could not go on', () => {
  const task = { id: 't', kind: 'deep-research', title: 'Who was Henry Hall?', state: 'waiting', outcome: '', problem: null, results: [], by: { id: 'ada', name: 'Ada' }, cards: [{ id: '1', kind: 'question', question: 'Also after 1800?\n\nOr not.' }] } as const
  const one = (more: object) => item('k:t:1', { kind: 'task', task: { ...task, ...more } as never })
  expect(gist(one({})).text).toBe('Also after 1800?')
  expect(gist(one({ state: 'done', cards: [], outcome: 'Nothing new.' })).text).toBe('Nothing new.')
  expect(gist(one({ state: 'failed', cards: [], problem: { message: 'The model does not answer.' } })).text).toBe('The model does not answer.')
  expect(authorOf(one({})).name).toBe('Deep research')
  expect(matches(one({}), 'henry')).toBe(true)
})

it('finds what has all the words', () => {
  const one = item('a', { options: [option('a', hunk('climbed', 'took'))] })
  expect(matches(one, 'muse TOOK')).toBe(true)
  expect(matches(one, 'lamp plainer')).toBe(true)
  expect(matches(one, 'took nothing')).toBe(false)
})

it('groups by canvas in the order of the text, the canvas with the most urgent item first', () => {
  const other = { id: 'c2', title: 'Sea', role: 'editor' } as const
  const groups = byCanvas([item('x', { canvas: other, place: 4 }), item('a', { place: 2 }), item('b', { place: 1 }), item('y', { canvas: other, place: 3 })])
  expect(groups.map(({ title, items }) => [title, items.map(({ id }) => id)])).toEqual([['Sea', ['y', 'x']], ['Lamp', ['b', 'a']]])
})

describe('what overlaps', () => {
  const group = item('a', {
    options: [
      option('a', hunk('x', 'y', { group: 0 }), hunk('u', 'v', { hunk: 1 })),
      option('b', hunk('x z', 'w', { group: 0 }), hunk('q', 'p', { hunk: 1 })),
      option('c', hunk('k', 'l', { group: 1 })),
    ],
  })
  it('is turned down where the chosen one is taken, and nothing else of it', () => {
    expect(rivals(group, 0)).toEqual([{ suggestion: 'b', hunks: [0] }])
    expect(rivals(group, 2)).toEqual([])
  })
  it('is taken together', () => {
    expect(takes(group)).toEqual([{ suggestion: 'a', hunk: 0 }, { suggestion: 'b', hunk: 0 }, { suggestion: 'c', hunk: 0 }])
  })
})

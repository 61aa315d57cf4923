import { flushSync } from 'svelte'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { notices } from '../notices.svelte'
import { Inbox } from './inbox.svelte'
import { type Item, keyOf, type Waiting } from './items'

const author = { id: 'muse', name: 'Muse', kind: 'agent', color: '#9048fc' } as const
const item = (id: string, canvas = 'c1'): Item => ({
  id: `s:${id}`, kind: 'suggestion', at: Number(id), canvas: { id: canvas, title: 'Lamp', role: 'editor' }, page: 'p', title: 'One', score: 30, why: '', place: 0, rev: `r${id}`,
  options: [{ suggestion: id, author, at: 1, reason: '', evidence: [], skill: '', model: '', run: '', kinds: [], risk: '', stale: false, more: 0,
    hunks: [{ hunk: 0, before: '', was: 'a', now: 'b', after: '' }] }],
})

/** A studio that answers when it is told to. */
let there: Item[]
let asked: { canvas: string; action: Record<string, unknown> }[]
let answer: (action: Record<string, unknown>) => Promise<Response>
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status })

beforeEach(() => {
  localStorage.clear()
  notices.shown = []
  asked = []
  there = ['1', '2', '3', '4'].map((id) => item(id))
  answer = (action) => Promise.resolve(json({ outcome: 'done', decision: `d-${String(action['suggestion'] ?? action['type'])}` }))
  vi.stubGlobal('EventSource', undefined)
  vi.stubGlobal('fetch', vi.fn((path: string, init: RequestInit) => {
    if (path.startsWith('/api/inbox')) return Promise.resolve(json({ items: there, next: null, count: there.filter(({ id }) => !id.startsWith('g:')).length, kinds: {}, canvases: [] } satisfies Waiting))
    const action = JSON.parse(String(init.body)) as Record<string, unknown>
    asked.push({ canvas: path.split('/')[3] ?? '', action })
    return answer(action)
  }))
})
afterEach(() => vi.unstubAllGlobals())

async function opened(): Promise<Inbox> {
  const inbox = new Inbox()
  await inbox.load()
  flushSync()
  return inbox
}
const ids = (inbox: Inbox) => inbox.shown.map(({ id }) => id.slice(2))
const settle = () => new Promise((done) => setTimeout(done, 20))

it('shows the next one at once, whatever the studio takes to answer', async () => {
  let release: () => void = () => undefined
  answer = () => new Promise((done) => (release = () => done(json({ outcome: 'accepted', decision: 'd' }))))
  const inbox = await opened()
  inbox.decide('accept')
  expect(ids(inbox)).toEqual(['2', '3', '4'])
  expect(inbox.item?.id).toBe('s:2')
  // The studio still tells of it: it was asked before it knew.
  await inbox.load()
  expect(ids(inbox)).toEqual(['2', '3', '4'])
  release()
  await settle()
  expect(asked.map(({ action }) => action)).toEqual([{ type: 'accept', suggestion: '1' }])
  expect(inbox.left).toBe(3)
})

it('puts an item back with the reason when the studio refuses', async () => {
  answer = () => Promise.resolve(json({ error: { code: 'stale', message: 'The text has changed.', hint: 'Ask again.' } }, 409))
  const inbox = await opened()
  inbox.decide('accept')
  inbox.go(1)
  await settle()
  expect(ids(inbox)).toEqual(['1', '2', '3', '4'])
  expect(inbox.item?.id).toBe('s:3')
  expect(inbox.refused.get(keyOf(there[0]!))).toBe('The text has changed. Ask again.')
  expect(inbox.steps).toHaveLength(0)
})

it('takes decisions back one after the other, the last first, also before they were answered', async () => {
  const inbox = await opened()
  inbox.decide('accept')
  inbox.decide('reject')
  void inbox.undo()
  expect(inbox.item?.id).toBe('s:2')
  await settle()
  await inbox.undo()
  expect(asked.map(({ action }) => action['type'])).toEqual(['accept', 'reject', 'undo', 'undo'])
  expect(asked.slice(2).map(({ action }) => action['decision'])).toEqual(['d-2', 'd-1'])
  expect(ids(inbox)).toEqual(['1', '2', '3', '4'])
  await inbox.undo()
  expect(asked).toHaveLength(4)
})

it('shows what was taken back even when the studio has not heard of it yet', async () => {
  const inbox = await opened()
  inbox.decide('accept')
  await settle()
  there = there.slice(1)
  await inbox.load()
  let release: () => void = () => undefined
  answer = () => new Promise((done) => (release = () => done(json({ outcome: 'undone', decision: 'u' }))))
  const undone = inbox.undo()
  await settle()
  await inbox.load()
  expect(ids(inbox)).toEqual(['1', '2', '3', '4'])
  release()
  await undone
  expect(inbox.item?.id).toBe('s:1')
})

it('decides all that is marked with one decision of each canvas', async () => {
  there = [item('1'), item('2', 'c2'), item('3'), item('4')]
  const inbox = await opened()
  for (const one of there.slice(0, 3)) inbox.mark(one)
  inbox.decide('accept')
  expect(ids(inbox)).toEqual(['4'])
  await settle()
  expect(asked).toEqual([
    { canvas: 'c1', action: { type: 'accept_all', suggestions: ['1', '3'] } },
    { canvas: 'c2', action: { type: 'accept_all', suggestions: ['2'] } },
  ])
})

it('keeps the place when somebody else decides the one that is read', async () => {
  const inbox = await opened()
  inbox.go(1)
  there = there.filter(({ id }) => id !== 's:2')
  await inbox.load()
  expect(inbox.item?.id).toBe('s:3')
})

it('puts off to the end what is for later, in this browser', async () => {
  const inbox = await opened()
  inbox.skip(inbox.item!)
  expect(ids(inbox)).toEqual(['2', '3', '4', '1'])
  expect(inbox.item?.id).toBe('s:2')
  expect(ids(await opened())).toEqual(['2', '3', '4', '1'])
  await inbox.undo()
  expect(ids(inbox)).toEqual(['1', '2', '3', '4'])
})

it('tries a task again at the step that it could not get over, and puts one away that is done', async () => {
  const task = (id: string, state: string) => ({ ...item(id), id: `k:${id}:1`, kind: 'task', options: undefined, task: { id, kind: 'watch', title: id, state, outcome: '', problem: null, results: [], cards: [], by: { id: 'ada', name: 'Ada' } } }) as unknown as Item
  there = [task('broke', 'failed'), task('over', 'done')]
  const sent: string[] = []
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    if (path.startsWith('/api/inbox')) return Promise.resolve(json({ items: there, next: null, count: there.filter(({ id }) => !id.startsWith('g:')).length, kinds: {}, canvases: [] }))
    sent.push(`${init.method} ${path} ${String(init.body ?? '')}`.trim())
    return Promise.resolve(json({ plan: [{ id: 'a', state: 'done' }, { id: 'b', state: 'failed' }] }))
  })
  const inbox = await opened()
  inbox.decide('accept')
  await settle()
  expect(sent).toEqual(['GET /api/tasks/broke', 'POST /api/tasks/broke/steps/b/retry {}'])
  inbox.decide('accept')
  await settle()
  await inbox.undo()
  await settle()
  expect(sent.slice(2)).toEqual(['POST /api/tasks/over/dismiss {"away":true}', 'POST /api/tasks/over/dismiss {"away":false}'])
})

/** What a task made: its line, and two changes. */
function made(done: boolean): Item[] {
  const of = { of: 't', lead: [30, 1] as [number, number] }
  const head: Item = { ...item('0'), id: done ? 'k:t:1' : 'g:t', kind: 'task', ...of, group: { left: 2, kinds: { suggestion: 2 } }, task: { id: 't', state: done ? 'done' : 'running' } as never }
  delete (head as Partial<Item>).options
  return [head, { ...item('1'), ...of }, { ...item('2'), ...of }, item('3')]
}

it('folds up what a task made, and opens it to its first item', async () => {
  there = made(false)
  const inbox = await opened()
  expect(ids(inbox)).toEqual(['t', '3'])
  expect(inbox.left).toBe(3)
  inbox.unfold(inbox.item!)
  flushSync()
  expect(ids(inbox)).toEqual(['t', '1', '2', '3'])
  expect(inbox.item?.id).toBe('s:1')
  inbox.unfold(inbox.item!, false)
  flushSync()
  expect(ids(inbox)).toEqual(['t', '3'])
  expect(inbox.item?.id).toBe('g:t')
  inbox.words = 'muse'
  flushSync()
  expect(ids(inbox)).toEqual(['1', '2', '3'])
})

it('decides what a task made as one, and its line goes with it', async () => {
  there = made(true)
  const inbox = await opened()
  inbox.decideAll(inbox.item!, 'accept')
  flushSync()
  expect(ids(inbox)).toEqual(['3'])
  await settle()
  expect(asked.map(({ action }) => action)).toEqual([{ type: 'accept_all', suggestions: ['1', '2'] }, { away: true }])
  await inbox.undo()
  flushSync()
  expect(ids(inbox)[0]).toBe('t:1')
  expect(asked.slice(2).map(({ action }) => action)).toEqual(expect.arrayContaining([{ type: 'undo', decision: 'd-accept_all' }, { away: false }]))
})

it('puts the line of a task away with the last of what it made', async () => {
  there = made(true)
  const inbox = await opened()
  inbox.unfold(inbox.item!)
  flushSync()
  inbox.decide('accept')
  flushSync()
  expect(ids(inbox)).toEqual(['t:1', '2', '3'])
  inbox.decide('reject')
  flushSync()
  expect(ids(inbox)).toEqual(['3'])
  await settle()
  expect(asked.at(-1)?.action).toEqual({ away: true })
})

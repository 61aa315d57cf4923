import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Run } from './api'
import { notices } from './notices.svelte'
import { Runs } from './runs.svelte'

/** The browser's end of server-sent events, with a hand to send them. */
class Events extends EventTarget {
  static readonly open: Events[] = []
  closed = false
  onerror?: () => void
  constructor(readonly url: string) {
    super()
    Events.open.push(this)
  }
  close() {
    this.closed = true
  }
  send(type: string, data: object) {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }))
  }
}

const run: Run = { id: 'r1', canvas: 'c1', agent: 'co-author', prompt: 'Go on', by: { id: 'ada', name: 'Ada' }, state: 'queued' }
let answer: Run
let runs: Runs
const settle = () => vi.advanceTimersByTimeAsync(20)

beforeEach(() => {
  vi.useFakeTimers()
  Events.open.length = 0
  notices.spoken = ''
  notices.shown = []
  answer = run
  vi.stubGlobal('EventSource', Events)
  vi.stubGlobal('fetch', vi.fn(() => Promise.resolve(new Response(JSON.stringify(answer)))))
  runs = new Runs(() => 'ada')
})
afterEach(() => {
  runs.close()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

it('shows a run as its events tell, and says what came of it', async () => {
  answer = { ...run, skill: 'continue' }
  runs.begin(run)
  await settle()
  Events.open[0]?.send('state', { type: 'state', state: 'running' })
  expect(runs.active).toMatchObject([{ id: 'r1', state: 'running', skill: 'continue' }])
  answer = { ...run, state: 'done', results: [{ type: 'thread', id: 't1' }, { type: 'thread', id: 't2' }, { type: 'message', id: 'm1' }] }
  Events.open[0]?.send('done', {})
  await settle()
  expect(runs.active).toEqual([])
  expect(Events.open[0]?.closed).toBe(true)
  expect(notices.spoken.trim()).toBe('The agent is done: 2 comments, an answer.')
})
it('asks when events cannot be had', async () => {
  runs.begin(run)
  Events.open[0]?.onerror?.()
  await settle()
  expect(runs.active.length).toBe(1)
  answer = { ...run, state: 'stopped' }
  await vi.advanceTimersByTimeAsync(2100)
  expect(runs.all).toMatchObject([{ state: 'stopped' }])
})
it('does not start again what has ended, and follows a run once', async () => {
  runs.begin(run)
  answer = { ...run, state: 'done' }
  Events.open[0]?.send('done', {})
  await settle()
  runs.begin(run)
  expect(runs.active).toEqual([])
  expect(Events.open.length).toBe(1)
})
it('tells nobody how somebody else’s run failed', async () => {
  answer = { ...run, by: { id: 'bob', name: 'Bob' }, state: 'failed', error: { code: 'unavailable', message: 'No model.' } }
  runs.follow('r1')
  Events.open[0]?.send('done', {})
  await settle()
  expect(runs.all.length).toBe(1)
  expect(notices.shown).toEqual([])
})

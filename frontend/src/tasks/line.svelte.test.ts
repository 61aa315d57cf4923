import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { lasting } from '../lasting.svelte'
import { Board } from './board.svelte'
import { line } from './line.svelte'

const task = (id: string, more: object = {}) => ({ id, canvas: 'c', title: id, state: 'running', by: { id: 'ada' }, made: 0, started: 0, cards: [], plan: [], found: [], progress: { done: 0, of: 1 }, ...more })

/** The studio's end of the line, and what was asked meanwhile. */
class Events extends EventTarget {
  static readonly CLOSED = 2
  static all: Events[] = []
  readyState = 1
  onerror: (() => void) | undefined
  constructor(readonly url: string) {
    super()
    Events.all.push(this)
  }
  say(type: string, data: object = {}): void {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }))
  }
  hangUp(): void {
    this.readyState = Events.CLOSED
    this.onerror?.()
  }
  close(): void {
    this.readyState = Events.CLOSED
  }
}

let tasks: object[] = []
let asked: string[] = []
const boards: (() => void)[] = []
const board = (canvas = '') => {
  const made = lasting(() => new Board(canvas))
  boards.push(made.open())
  return made
}
const states = (of: Board) => of.tasks.map(({ id, state }) => `${id} ${state}`)
const settled = () => vi.advanceTimersByTimeAsync(10)

beforeEach(() => {
  vi.useFakeTimers()
  Events.all = []
  asked = []
  tasks = [task('a')]
  vi.stubGlobal('EventSource', Events)
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path)
    return new Response(JSON.stringify({ tasks, schedules: [], canvases: [{ id: 'c', title: 'C', role: 'owner' }] }))
  })
})
afterEach(() => {
  for (const close of boards.splice(0)) close()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

it('is one line, however many listen, and none when nobody does', async () => {
  board()
  board('c')
  await settled()
  expect(Events.all.map(({ url }) => url)).toEqual(['/api/tasks/events'])
  for (const close of boards.splice(0)) close()
  expect(Events.all[0]!.readyState).toBe(Events.CLOSED)
})

it('shows what the studio says at once, and does not ask while it speaks', async () => {
  const all = board()
  const other = board('other')
  Events.all[0]!.say('listening')
  await settled()
  asked = []
  Events.all[0]!.say('task', { task: task('a', { state: 'done' }) })
  Events.all[0]!.say('task', { task: task('b') })
  expect(states(all).sort()).toEqual(['a done', 'b running'])
  expect(states(other)).toEqual(['a running'])
  await vi.advanceTimersByTimeAsync(30_000)
  expect(asked).toEqual([])
  Events.all[0]!.say('look')
  await settled()
  expect(asked).toContain('/api/tasks?brief=true&limit=200')
})

it('asks by itself while the line is broken, and takes it up again', async () => {
  const all = board()
  Events.all[0]!.say('listening')
  await settled()
  expect(line.live).toBe(true)
  Events.all[0]!.hangUp()
  expect(line.live).toBe(false)
  tasks = [task('a', { state: 'waiting' })]
  await vi.advanceTimersByTimeAsync(3000)
  expect(states(all)).toEqual(['a waiting'])
  await vi.advanceTimersByTimeAsync(3000)
  expect(Events.all).toHaveLength(2)
  tasks = [task('a', { state: 'done' })]
  Events.all[1]!.say('listening')
  await settled()
  expect(states(all)).toEqual(['a done'])
})

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { lasting } from '../lasting.svelte'
import { Following } from './following.svelte'
import type { Task, TaskStep } from './tasks'

const step = (id: string, state: TaskStep['state'] = 'coming') => ({ id, do: 'read', title: `Reads ${id}`, given: { url: id }, state, note: '', error: null, runs: [], done: 0, of: 0, tries: 0, started: null, finished: null, by: '' })
const first = { id: 't', state: 'running', by: { id: 'ada', name: 'Ada' }, cards: [], found: [], plan: [step('a', 'running'), step('b'), step('c'), step('d')] } as unknown as Task

/** The studio's end: what was asked of it, and a task that is arranged as it is told. */
class Fake {
  task = first
  asked: { method: string; path: string; body: any }[] = []
  gate: Promise<void> | undefined
  refuse: { status: number; code: string; message: string } | undefined

  readonly fetch = async (path: string, init: RequestInit): Promise<Response> => {
    const body = init.body ? JSON.parse(String(init.body)) : undefined
    this.asked.push({ method: init.method!, path, body })
    await this.gate
    if (this.refuse) return new Response(JSON.stringify({ error: this.refuse }), { status: this.refuse.status })
    if (path.endsWith('/plan')) {
      const behind = this.task.plan.filter(({ state }) => state !== 'coming')
      const to = body.steps.map((one: any, i: number) => ({ ...step(one.id ?? `n${i}`), ...one, id: one.id ?? `n${i}` }))
      this.task = { ...this.task, plan: [...behind, ...to] }
    }
    if (path.endsWith('/pause')) this.task = { ...this.task, state: 'paused' }
    return new Response(JSON.stringify(this.task))
  }
}

let fake: Fake
let live: Following
const plan = () => live.coming.map(({ title }) => title)
beforeEach(async () => {
  fake = new Fake()
  vi.stubGlobal('fetch', fake.fetch)
  live = lasting(() => new Following('t'))
  await live.look()
  fake.asked = []
})
afterEach(() => vi.unstubAllGlobals())

it('shows a step where it was put before the studio has answered, and tells it what it still has to do', async () => {
  let open!: () => void
  fake.gate = new Promise((done) => (open = done))
  const done = live.move(2, -1)
  expect(plan()).toEqual(['Reads b', 'Reads d', 'Reads c'])
  open()
  expect(await done).toBe(true)
  expect(fake.asked[0]).toMatchObject({ method: 'PUT', path: '/api/tasks/t/plan', body: { steps: [{ id: 'b' }, { id: 'd' }, { id: 'c' }] } })
  expect(fake.asked[0]!.body.steps[0]).toEqual({ id: 'b', do: 'read', title: 'Reads b', given: { url: 'b' } })
  expect(plan()).toEqual(['Reads b', 'Reads d', 'Reads c'])
})

it('says several changes that come fast as what they come to', async () => {
  let open!: () => void
  fake.gate = new Promise((done) => (open = done))
  const all = [live.move(2, -1), live.move(1, -1), live.remove(2)]
  expect(plan()).toEqual(['Reads d', 'Reads b'])
  open()
  await Promise.all(all)
  expect(fake.asked.at(-1)!.body.steps.map((one: { id: string }) => one.id)).toEqual(['d', 'b'])
  expect(fake.asked.filter(({ method }) => method === 'PUT').length).toBeLessThanOrEqual(2)
  expect(plan()).toEqual(['Reads d', 'Reads b'])
})

it('puts a new step in without a name of its own', async () => {
  await live.insert(1, { do: 'search', title: 'Searches for oil', given: { query: 'oil' } })
  expect(fake.asked[0]!.body.steps[1]).toEqual({ do: 'search', title: 'Searches for oil', given: { query: 'oil' } })
  expect(plan()).toEqual(['Reads b', 'Searches for oil', 'Reads c', 'Reads d'])
})

it('does not show a step as still to come that has begun while it was moved', async () => {
  let open!: () => void
  fake.gate = new Promise((done) => (open = done))
  const done = live.move(0, 1)
  live.task = { ...first, plan: [step('a', 'done'), step('b', 'running'), step('c'), step('d')] }
  expect(plan()).toEqual(['Reads c', 'Reads d'])
  open()
  await done
})

it('shows the plan as it is when a change is refused', async () => {
  fake.refuse = { status: 409, code: 'conflict', message: 'It has ended.' }
  const done = live.remove(0)
  expect(plan()).toEqual(['Reads c', 'Reads d'])
  expect(await done).toBe(false)
  expect(plan()).toEqual(['Reads b', 'Reads c', 'Reads d'])
})

it('takes what the studio answers for what is so', async () => {
  expect(await live.pause()).toBe(true)
  expect(live.task!.state).toBe('paused')
})

it('says why there is nothing to show', async () => {
  fake.refuse = { status: 404, code: 'not_found', message: 'There is no such task.' }
  await live.look()
  expect(live.lost).toContain('There is no such task.')
})

it('shows no answer that is older than the news which came before it', async () => {
  let open!: () => void
  fake.task = { ...first, revision: 4 }
  await live.look()
  fake.gate = new Promise((done) => (open = done))
  const skipped = live.skip('a')
  const answer = fake.task
  fake.task = { ...first, revision: 6, state: 'paused' }
  const gate = fake.gate
  fake.gate = undefined
  await live.look() // as an event does
  expect(live.task!.state).toBe('paused')
  fake.task = answer
  open()
  await gate
  await skipped
  expect(live.task!.state).toBe('paused')
})

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { notices } from '../notices.svelte'
import { go, router } from '../route.svelte'
import { studio } from '../studio.svelte'
import { ending } from './ending.svelte'

const task = (id: string, more: object) => ({ id, title: id, state: 'done', by: { id: 'ada' }, finished: 0, cards: [], outcome: 'Nothing new.', plan: [], results: [], ...more })
let tasks: object[] = []
const said = () => notices.shown.map(({ text }) => text)

beforeEach(() => {
  studio.me = { id: 'ada', name: 'Ada', kind: 'person', color: '#000000' }
  notices.shown = []
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify({ tasks })))
})
afterEach(() => {
  vi.unstubAllGlobals()
  go('/')
})

it('says what came about while nobody looked, of my own tasks only, and once', async () => {
  tasks = [task('Old', {}), task('Waits', { state: 'waiting', cards: [{ id: '1', kind: 'question', question: 'Old?' }] }), task('Research', { state: 'running' }), task('Bens', { state: 'running', by: { id: 'ben' } })]
  await ending.look()
  expect(said()).toEqual([])
  tasks = [task('Old', {}), ...tasks.slice(1, 2), task('Research', {}), task('Bens', { by: { id: 'ben' } }), task('Morning', { state: 'failed', problem: { message: 'No model.' } })]
  await ending.look()
  expect(said()).toEqual(['“Research” is done.', '“Morning” could not go on.'])
  expect(notices.shown[0]).toMatchObject({ hint: 'Nothing new.' })
  await ending.look()
  ending.say({ id: 'Research', title: 'Research', state: 'done', outcome: 'Nothing new.' })
  expect(said()).toHaveLength(2)
})

it('says of a task that waits for its own ones nothing', async () => {
  tasks = [task('Parent', { state: 'running' })]
  await ending.look()
  tasks = [task('Parent', { state: 'waiting' })]
  await ending.look()
  expect(said()).toEqual([])
})

it('says that a task asks, and leads to it; a further question is said again', () => {
  ending.say({ id: 'story', title: 'Story', state: 'waiting', outcome: 'Which ending?' })
  ending.say({ id: 'story', title: 'Story', state: 'waiting', outcome: 'Which ending?' })
  expect(said()).toEqual(['“Story” asks you something.'])
  void notices.shown[0]!.action!.run()
  expect(router.current).toEqual({ name: 'task', task: 'story' })
})

it('says nothing to whoever looks at it, nor of what they stopped', () => {
  go('/tasks/seen')
  ending.say({ id: 'seen', title: 'Seen', state: 'done' })
  ending.say({ id: 'stopped', title: 'Stopped', state: 'cancelled' })
  expect(said()).toEqual([])
})

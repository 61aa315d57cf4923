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

it('says what ended while nobody looked, of my own tasks only, and once', async () => {
  const now = Date.now() / 1000
  tasks = [task('old', { finished: now - 500 }), task('waits', { state: 'waiting', finished: null, cards: [{ id: '1', kind: 'question', question: 'Old?' }] })]
  await ending.look()
  expect(said()).toEqual([])
  tasks = [task('Research', { finished: now + 50 }), task('bens', { finished: now + 50, by: { id: 'ben' } }), ...tasks]
  await ending.look()
  expect(said()).toEqual(['“Research” is done.'])
  expect(notices.shown[0]).toMatchObject({ hint: 'Nothing new.' })
  await ending.look()
  expect(said()).toHaveLength(1)
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

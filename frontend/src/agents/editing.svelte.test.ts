import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { notices } from '../notices.svelte'
import { studio } from '../studio.svelte'
import { type Agent, type AgentFile } from './agents'
import { Editing } from './editing.svelte'

const TEXT = '---\nname: Poet\nskills: [ask]\n---\nYou are a poet.\n'
const AGENT: Agent = { id: 'poet', name: 'Poet', color: '#a84884', skills: [{ name: 'ask', label: 'Ask' }], tools: null }
const file = (text: string, etag: string): AgentFile => ({ id: 'poet', text, etag, origin: 'own', shipped: null, problem: null, agent: { ...AGENT, name: /name: (.*)/.exec(text)?.[1] ?? '' } })

/** What the studio has on its disk, and how it answers. */
let disk: AgentFile
const fetched = vi.fn<typeof fetch>()
const answer = (body: unknown, status = 200) => Promise.resolve(new Response(JSON.stringify(body), { status }))
const calls = (method: string) => fetched.mock.calls.filter(([, init]) => init?.method === method)

beforeEach(() => {
  vi.useFakeTimers()
  disk = file(TEXT, 'e1')
  fetched.mockReset().mockImplementation((url, init) => {
    const path = String(url)
    const body = JSON.parse(String(init?.body ?? 'null')) as { text: string }
    if (path.endsWith('/check')) return answer(body.text.includes('skils') ? { agent: null, look_at: [], problem: { agent: 'poet', file: 'poet.md', line: 3, message: 'Line 3: ‘skils’ is not a field.', hint: '' } } : { agent: file(body.text, '').agent, problem: null, look_at: [] })
    if (init?.method === 'PUT') {
      const etag = new Headers(init.headers).get('If-Match')
      if (etag !== `"${disk.etag}"`) return answer({ error: { code: 'conflict', message: 'Somebody else.', hint: '', text: disk.text, etag: disk.etag } }, 409)
      disk = file(body.text, `${disk.etag}+`)
      return answer(disk)
    }
    if (init?.method === 'POST') return answer((disk = file(body.text, 'n1')), 201)
    return answer(path.endsWith('/agents') ? { agents: [], problems: [], may: { edit: true, trust: true }, words: { skills: { ask: 'Ask', rewrite: 'Rewrite' } } } : disk)
  })
  vi.stubGlobal('fetch', fetched)
  studio.may = { edit: true, trust: true }
  notices.shown = []
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})
const settle = () => vi.advanceTimersByTimeAsync(400)

it('shows a changed field at once and asks the studio once the keys are quiet', async () => {
  const editing = new Editing('poet', disk)
  editing.set('name', 'Ba')
  editing.set('name', 'Bard')
  expect([editing.agent?.name, editing.dirty]).toEqual(['Bard', true])
  expect(calls('POST')).toHaveLength(0)
  await settle()
  expect(calls('POST')).toHaveLength(1)
  expect(editing.text).toBe(TEXT.replace('Poet', 'Bard'))
})

it('keeps what was read last while the text cannot be read, and says where it is wrong', async () => {
  const editing = new Editing('poet', disk)
  editing.write(TEXT.replace('skills', 'skils'))
  await settle()
  expect(editing.problem?.line).toBe(3)
  expect(editing.agent?.name).toBe('Poet')
})

it('saves, and one step takes it back', async () => {
  const editing = new Editing('poet', disk)
  editing.set('name', 'Bard')
  expect(await editing.save()).toBe(true)
  expect([editing.dirty, disk.text]).toEqual([false, TEXT.replace('Poet', 'Bard')])
  await notices.shown[0]?.action?.run()
  expect(disk.text).toBe(TEXT)
})

it('never writes over what somebody else saved', async () => {
  const editing = new Editing('poet', disk)
  disk = file(TEXT.replace('a poet', 'a great poet'), 'e2')
  editing.set('name', 'Bard')
  expect(await editing.save()).toBe(false)
  expect(editing.other?.text).toContain('a great poet')
  expect(disk.text).toContain('a great poet')
  expect(await editing.saveMine()).toBe(true)
  expect(disk.text).toBe(TEXT.replace('Poet', 'Bard'))
  expect(editing.other).toBeNull()
})

it('can take theirs instead', async () => {
  const editing = new Editing('poet', disk)
  disk = file(TEXT.replace('Poet', 'Minstrel'), 'e2')
  editing.set('name', 'Bard')
  await editing.save()
  editing.takeTheirs()
  await settle()
  expect([editing.dirty, editing.text, editing.agent?.name]).toEqual([false, disk.text, 'Minstrel'])
})

it('follows the file while nobody writes here, and says so when somebody does', async () => {
  const editing = new Editing('poet', disk)
  disk = file(TEXT.replace('Poet', 'Minstrel'), 'e2')
  await editing.look()
  expect([editing.text, editing.dirty, editing.other]).toEqual([disk.text, false, null])
  editing.set('name', 'Bard')
  disk = file(TEXT.replace('Poet', 'Skald'), 'e3')
  await editing.look()
  expect([editing.agent?.name, editing.other?.etag]).toEqual(['Bard', 'e3'])
})

it('makes a new one, which then has a file', async () => {
  const editing = new Editing('', TEXT)
  await settle()
  expect(editing.isNew).toBe(true)
  expect(await editing.save()).toBe(true)
  expect([editing.isNew, editing.id]).toEqual([false, 'poet'])
})

it('forgets what was not saved', async () => {
  const editing = new Editing('poet', disk)
  editing.set('name', 'Bard')
  editing.discard()
  await settle()
  expect([editing.text, editing.dirty, editing.agent?.name]).toEqual([TEXT, false, 'Poet'])
})

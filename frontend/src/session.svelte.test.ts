import { flushSync } from 'svelte'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'
import type { Role } from './api'
import { FakeStudio, info } from './fake-studio'
import { notices } from './notices.svelte'
import { Session } from './session.svelte'

const reload = vi.fn()
let studio: FakeStudio
let session: Session

function connect(role: Role = 'owner', open = true) {
  studio = new FakeStudio()
  session = new Session(info(role), { socket: studio.socket(), reload })
  if (open) studio.line.open()
}
const write = (text: string) => session.text('p1').insert(0, text)
const answers = (...bodies: [status: number, body: unknown][]) => {
  const fetched = vi.fn<typeof fetch>()
  for (const [status, body] of bodies) fetched.mockResolvedValueOnce(new Response(JSON.stringify(body), { status }))
  vi.stubGlobal('fetch', fetched)
  return fetched
}

beforeEach(() => {
  vi.useFakeTimers()
  sessionStorage.clear()
  notices.shown = []
  reload.mockClear()
})
afterEach(() => {
  session.destroy()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('the line', () => {
  it('asks for acknowledgements and names the copy it holds', () => {
    connect('owner', false)
    expect(studio.line.url).toContain('/sync/c1?ack=1&epoch=e1')
    expect(session.state).toBe('connecting')
  })
  it('shows the canvas once it came, and picks its first page', () => {
    connect()
    expect(session.title).toBe('Lamp')
    expect(session.pages.map(({ title }) => title)).toEqual(['One', 'Two'])
    expect(session.page).toBe('p1')
    expect(session.state).toBe('saved')
    vi.advanceTimersByTime(300)
    expect(session.words.get('p1')).toBe(3)
  })
  it('says saved only when the studio has kept every edit', () => {
    connect()
    studio.prompt = false
    write('Then. ')
    expect(session.state).toBe('saving')
    write('And then. ')
    studio.line.ack()
    expect(session.state).toBe('saved')
    expect(String(studio.text())).toBe('And then. Then. It was dark.')
  })
  it('keeps what is written offline, and sends it when the line is back', () => {
    connect()
    studio.line.drop()
    expect(session.state).toBe('offline')
    expect(session.synced).toBe(true)
    write('Alone. ')
    expect(session.saved).toBe(false)
    vi.advanceTimersByTime(5000)
    studio.line.open()
    expect(session.state).toBe('saved')
    expect(String(studio.text())).toBe('Alone. It was dark.')
  })
  it('does not wait when the person or the network is back', () => {
    connect()
    studio.line.drop()
    const { length } = studio.lines
    dispatchEvent(new Event('online'))
    expect(studio.lines.length).toBe(length + 1)
    studio.line.drop(4401)
    dispatchEvent(new Event('online'))
    expect(studio.lines.length).toBe(length + 1)
  })
  it('counts anew on every line', () => {
    connect()
    for (let i = 0; i < 5; i++) write('x')
    studio.line.drop()
    vi.advanceTimersByTime(5000)
    studio.prompt = false
    studio.line.open()
    expect(session.state).toBe('saving')
    studio.line.ack()
    expect(session.state).toBe('saved')
  })
  it('takes edits of others and leaves the page it stands on when that one is removed', () => {
    connect()
    studio.text().insert(0, 'Now. ')
    expect(String(session.text('p1'))).toBe('Now. It was dark.')
    ;(studio.doc.getMap('pages').get('p1') as Y.Map<unknown>).set('removed', true)
    vi.advanceTimersByTime(100)
    expect(session.page).toBe('p2')
    expect(session.livePages.map(({ id }) => id)).toEqual(['p2'])
  })
})

describe('being sent away', () => {
  it.each([4400, 4401, 4403, 4404])('%i is said in words and not tried again', (code) => {
    connect()
    const { length } = studio.lines
    studio.line.drop(code)
    expect(session.closed?.code).toBe(code)
    expect(session.closed?.hint).not.toBe('')
    expect(session.state).toBe('closed')
    expect(session.canEdit).toBe(false)
    vi.advanceTimersByTime(60_000)
    expect(studio.lines.length).toBe(length)
  })
  it('takes another version of the canvas by itself, but only once', async () => {
    connect()
    const pages = session.livePages.map(({ id }) => ({ id, text: String(session.text(id)) }))
    answers([200, { pages }], [200, { pages }])
    studio.line.drop(4409)
    await vi.waitFor(() => expect(reload).toHaveBeenCalledOnce())
    expect(session.closed).toBeNull()
    session.destroy()
    connect('owner', false)
    studio.line.drop(4409)
    await vi.advanceTimersByTimeAsync(10)
    expect(reload).toHaveBeenCalledOnce()
    expect(session.closed?.code).toBe(4409)
  })
  it('keeps what was saved once, when the studio came back from a backup without it', async () => {
    connect()
    write('Saved, and then lost there. ')
    expect(session.state).toBe('saved')
    answers([200, { pages: session.livePages.map(({ id }) => ({ id, text: 'older' })) }])
    studio.line.drop(4409)
    await vi.advanceTimersByTimeAsync(10)
    expect(reload).not.toHaveBeenCalled()
    expect(session.closed?.code).toBe(4409)
  })
  it('never throws away what only this page holds', async () => {
    connect()
    studio.line.drop()
    write('Only here. ')
    vi.advanceTimersByTime(5000)
    studio.line.drop(4409)
    await vi.advanceTimersByTimeAsync(10)
    expect(reload).not.toHaveBeenCalled()
    expect(session.closed?.code).toBe(4409)
  })
  it('finds out why the line keeps failing', async () => {
    connect()
    answers([401, { error: { code: 'unauthenticated', message: 'Who?', hint: 'Sign in.' } }])
    for (let i = 0; i < 5 && !session.closed; i++) {
      studio.line.drop()
      await vi.advanceTimersByTimeAsync(10_000)
    }
    expect(session.closed?.code).toBe(4401)
  })
})

describe('who may do what', () => {
  it.each([['viewer', false, false], ['commenter', true, false], ['editor', true, true], ['owner', true, true]] as const)('%s', (role, comment, edit) => {
    connect(role)
    expect([session.canComment, session.canEdit, session.isOwner]).toEqual([comment, edit, role === 'owner'])
  })
})

describe('people', () => {
  it('are one however many tabs they have open, with agents after them', () => {
    connect()
    const arrive = (user: object, more: object = {}) => {
      const other = new Awareness(new Y.Doc())
      other.setLocalState({ user, ...more })
      const tell = () => applyAwarenessUpdate(session.awareness, encodeAwarenessUpdate(other, [other.clientID]), 'studio')
      tell()
      return { other, tell }
    }
    const bob = { id: 'bob', name: 'Bob', color: '#606c00', kind: 'person', role: 'editor' }
    const tab = arrive(bob, { page: 'p2' })
    arrive(bob, { page: 'p2' })
    arrive({ id: 'co-author', name: 'Co-author', color: '#9048fc', kind: 'agent' }, { status: 'writing' })
    expect(session.people.map(({ name, self, kind, status }) => [name, self, kind, status])).toEqual([
      ['Ada', true, 'person', ''], ['Bob', false, 'person', ''], ['Co-author', false, 'agent', 'writing'],
    ])
    const before = session.people
    tab.other.setLocalStateField('cursor', { anchor: 1, head: 2 })
    tab.tell()
    expect(session.people).toBe(before)
  })
})

describe('actions', () => {
  it('carry a key that stays the same when they are tried again', async () => {
    connect()
    const fetched = answers()
    fetched.mockRejectedValueOnce(new TypeError('line')).mockResolvedValueOnce(new Response('{"outcome":"accepted"}'))
    const done = session.act({ type: 'accept', suggestion: 's1' })
    await vi.advanceTimersByTimeAsync(500)
    expect(await done).toEqual({ outcome: 'accepted' })
    const keys = fetched.mock.calls.map(([, init]) => new Headers(init?.headers).get('Idempotency-Key'))
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
    expect(keys[1]).toBe(keys[0])
  })
  it('tell what went wrong and what to do, and throw it on', async () => {
    connect()
    answers([409, { error: { code: 'stale', message: 'The text has changed.', hint: 'Ask again.' } }])
    await expect(session.act({ type: 'accept', suggestion: 's1' })).rejects.toMatchObject({ code: 'stale', status: 409 })
    expect(notices.shown[0]).toMatchObject({ tone: 'error', text: 'The text has changed.', hint: 'Ask again.' })
  })
})

describe('runs', () => {
  const run = { id: 'r1', canvas: 'c1', agent: 'co-author', prompt: 'Go on', by: { id: 'ada', name: 'Ada' } }

  it('are followed until they end', async () => {
    connect()
    answers([202, { run: 'r1' }], [200, { ...run, state: 'running' }], [200, { ...run, state: 'done', results: [{ type: 'suggestion', id: 's1' }] }])
    await session.ask({ prompt: 'Go on', page: 'p1' })
    expect(session.activeRuns.map(({ id }) => id)).toEqual(['r1'])
    await vi.advanceTimersByTimeAsync(3000)
    expect(session.activeRuns).toEqual([])
    expect(notices.spoken).toContain('one suggestion')
  })
  it('that fail say why', async () => {
    connect()
    answers([202, { run: 'r1' }], [200, { ...run, state: 'failed', error: { code: 'unavailable', message: 'No model answers.', hint: 'Start one.' } }])
    await session.ask({ prompt: 'Go on' })
    await vi.advanceTimersByTimeAsync(10)
    expect(notices.shown[0]).toMatchObject({ tone: 'error', text: 'No model answers.', hint: 'Start one.' })
  })
})

it('reactive fields reach whoever derives from them', () => {
  connect()
  let seen: string[] = []
  const stop = $effect.root(() => {
    $effect(() => {
      seen = [...seen, session.state]
    })
  })
  flushSync()
  studio.line.drop()
  flushSync()
  stop()
  expect(seen).toEqual(['saved', 'offline'])
})

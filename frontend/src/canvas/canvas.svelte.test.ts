import { type Component, flushSync, mount, tick, unmount } from 'svelte'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import type { Role } from '../api'
import { FakeStudio, info } from '../fake-studio'
import { Session } from '../session.svelte'
import { studio as here } from '../studio.svelte'
import Composer from './Composer.svelte'
import { Desk, DESK } from './desk.svelte'
import MessageItem from './MessageItem.svelte'
import PageList from './PageList.svelte'
import { recipient } from './recipient.svelte'

let studio: FakeStudio
let session: Session
let shown: Record<string, unknown> | undefined
const fetched = vi.fn<typeof fetch>()

/** The JSON that was sent, request by request. */
const sent = () => fetched.mock.calls.map(([url, init]) => [String(url).replace('/api/canvases/c1', ''), JSON.parse(String(init?.body ?? 'null'))] as const)

function open(role: Role = 'owner') {
  studio = new FakeStudio()
  session = new Session(info(role), { socket: studio.socket() })
  studio.line.open()
}
function show<P extends Record<string, unknown>>(component: Component<P>, props: P): HTMLElement {
  shown = mount(component, { target: document.body, props, context: new Map([[DESK, new Desk(() => true)]]) })
  flushSync()
  return document.body
}
const settle = async () => {
  await new Promise((done) => setTimeout(done))
  await tick()
  flushSync()
}
const key = (at: Element | null | undefined, name: string, more: KeyboardEventInit = {}) =>
  at?.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, ...more }))

beforeEach(() => {
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }))
  fetched.mockReset().mockImplementation(() => Promise.resolve(new Response('{"outcome":"done","run":"r1","state":"done"}')))
  vi.stubGlobal('fetch', fetched)
  open()
})
afterEach(() => {
  if (shown) void unmount(shown)
  shown = undefined
  session.destroy()
  vi.unstubAllGlobals()
  document.body.replaceChildren()
})

describe('the list of pages', () => {
  const links = () => [...document.querySelectorAll<HTMLElement>('nav a')]

  it('names the pages in order and says which one is open', () => {
    show(PageList, { session })
    expect(links().map((link) => link.querySelector('.name')?.textContent)).toEqual(['One', 'Two'])
    expect(links()[0]?.getAttribute('aria-current')).toBe('page')
    expect(links()[0]?.getAttribute('href')).toBe('/c/c1/p1')
  })
  it('moves a page with Alt and an arrow', async () => {
    show(PageList, { session })
    key(links()[1], 'ArrowUp', { altKey: true })
    await settle()
    expect(sent()).toEqual([['/actions', { type: 'move_page', page: 'p2', after: null }]])
  })
  it('renames with F2, and not at all with Escape', async () => {
    show(PageList, { session })
    for (const end of ['Escape', 'Enter']) {
      key(links()[1], 'F2')
      flushSync()
      const field = document.querySelector('input')
      if (field) field.value = 'Second'
      key(field, end)
      await settle()
    }
    expect(sent()).toEqual([['/actions', { type: 'rename_page', page: 'p2', title: 'Second' }]])
  })
  it('offers a removed page again', async () => {
    ;(studio.doc.getMap('pages').get('p2') as Y.Map<unknown>).set('removed', true)
    show(PageList, { session })
    await settle()
    expect(links().length).toBe(1)
    const restore = [...document.querySelectorAll('button')].find((button) => button.textContent?.includes('Restore'))
    restore?.click()
    await settle()
    expect(sent()).toEqual([['/actions', { type: 'restore_page', page: 'p2' }]])
  })
  it('changes nothing for somebody who only reads', () => {
    session.destroy()
    open('viewer')
    show(PageList, { session })
    key(links()[1], 'Delete')
    key(links()[1], 'F2')
    flushSync()
    expect(document.querySelector('button, input')).toBeNull()
    expect(fetched).not.toHaveBeenCalled()
  })
})

describe('a message', () => {
  const say = (fields: Record<string, unknown>) => {
    studio.doc.getArray('chat').push([new Y.Map(Object.entries({ id: 'm1', name: 'Co-author', author: 'co-author', author_kind: 'agent', color: '#9048fc', at: 1, status: 'done', ...fields }))])
    const message = session.chat.at(-1)
    if (!message) throw new Error('the message did not arrive')
    return show(MessageItem, { session, message, goesOn: false })
  }

  it('never becomes markup', () => {
    const body = say({ text: new Y.Text('<img src=x onerror=alert(1)> **bold**') })
    expect(body.querySelector('img')).toBeNull()
    expect(body.querySelector('.text strong')?.textContent).toBe('bold')
    expect(body.textContent).toContain('<img src=x')
  })
  it('leads to the passage it quotes, and says when there is none', () => {
    const body = say({ text: new Y.Text('See'), quotes: JSON.stringify([{ page: 'p2', quote: 'was dark', found: true }, { page: 'p1', quote: 'gone', found: false }]) })
    const buttons = body.querySelectorAll<HTMLElement>('.quotes button')
    expect(buttons.length).toBe(1)
    buttons[0]?.click()
    expect(session.page).toBe('p2')
    expect(session.target).toEqual({ page: 'p2', quote: 'was dark' })
    expect(body.querySelector('.missing')?.textContent).toContain('Not in the text')
  })
  it('puts an idea where the caret is, or at the end of a page where nobody has been', async () => {
    const body = say({ text: new Y.Text('1. A ship\n2. A fire'), ideas: JSON.stringify(['A ship', 'A fire']) })
    expect(body.querySelector('.text ol')).toBeNull()
    const insert = [...body.querySelectorAll<HTMLButtonElement>('.ideas button')]
    insert[0]?.click()
    await settle()
    session.editor = { focus: () => undefined, selected: () => null, caret: () => ({ page: 'p1', start: { at: 3 }, before: 'It ', after: 'was' }) }
    insert[1]?.click()
    await settle()
    const [end, caret] = sent().map(([, action]) => action)
    expect(end).toMatchObject({ type: 'pick', message: 'm1', idea: 0, page: 'p1', before: 'It was dark.', after: '' })
    expect(end.start).toBeTypeOf('object')
    expect(caret).toEqual({ type: 'pick', message: 'm1', idea: 1, page: 'p1', start: { at: 3 }, before: 'It ', after: 'was' })
  })
})

describe('the composer', () => {
  const write = async (text: string) => {
    const field = document.querySelector('textarea')
    if (!field) throw new Error('there is no field')
    field.value = text
    field.dispatchEvent(new Event('input', { bubbles: true }))
    flushSync()
    key(field, 'Enter')
    await settle()
    return field
  }
  beforeEach(() => {
    localStorage.clear()
    recipient.value = 'agent'
    here.agents = [
      { id: 'co-author', name: 'Co-author', color: '#9048fc', skills: [] },
      { id: 'critic', name: 'Critic', color: '#d10a42', skills: [], description: 'Reads closely' },
    ]
    here.models = []
  })

  it('asks the agent, whose run says the question', async () => {
    show(Composer, { session })
    const field = await write('What now?')
    expect(sent()[0]).toEqual(['/ask', { agent: 'co-author', prompt: 'What now?', say: true, page: 'p1' }])
    expect(sent().some(([path]) => path === '/actions')).toBe(false)
    expect(field.value).toBe('')
  })
  it('asks about what is selected', async () => {
    session.selection = { page: 'p1', text: 'was dark', words: 2 }
    show(Composer, { session })
    await write('Shorter')
    expect(sent()[0]?.[1]).toMatchObject({ page: 'p1', quote: 'was dark' })
  })
  it('only speaks when it is for everybody, unless an agent is named', async () => {
    recipient.value = 'all'
    show(Composer, { session })
    await write('Hello')
    await write('@Co-author, hello')
    expect(sent().slice(0, 2)).toEqual([
      ['/actions', { type: 'say', text: 'Hello' }],
      ['/ask', { agent: 'co-author', prompt: 'hello', say: true, page: 'p1' }],
    ])
  })
  it('asks whom was chosen, for as long as nobody is named', async () => {
    recipient.value = 'critic'
    show(Composer, { session })
    await write('What now?')
    await write('What now, @co-author?')
    expect(sent().filter(([path]) => path === '/ask').map(([, { agent, prompt }]) => [agent, prompt])).toEqual([['critic', 'What now?'], ['co-author', 'What now?']])
  })
  it('asks everybody who is named, wherever in the message, and says the question once', async () => {
    session.selection = { page: 'p1', text: 'was dark', words: 2 }
    show(Composer, { session })
    await write('Is this any good, @critic and @Co-author?')
    const asked = sent().filter(([path]) => path === '/ask').map(([, ask]) => ask)
    expect(asked).toEqual([
      { agent: 'critic', prompt: 'Is this any good, @critic and @Co-author?', say: true, page: 'p1', quote: 'was dark' },
      { agent: 'co-author', prompt: 'Is this any good, @critic and @Co-author?', say: 'answer', page: 'p1', quote: 'was dark' },
    ])
  })
  it('goes back to the first agent when the chosen one is gone', async () => {
    recipient.value = 'a-poet'
    show(Composer, { session })
    await write('What now?')
    expect(sent()[0]?.[1].agent).toBe('co-author')
  })
  it('gives the words back when they could not be sent', async () => {
    fetched.mockImplementation(() => Promise.resolve(new Response('{"error":{"code":"forbidden","message":"No.","hint":""}}', { status: 403 })))
    show(Composer, { session })
    const field = await write('What now?')
    expect(field.value).toBe('What now?')
  })
})

import { flushSync, mount, tick, unmount } from 'svelte'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { FakeStudio, info } from '../fake-studio'
import { Session } from '../session.svelte'
import { answered } from './webhooks'
import Webhooks from './Webhooks.svelte'

let hooks: object[] = []
let session: Session
let shown: Record<string, unknown>
const sent: unknown[] = []

async function settle() {
  for (let turn = 0; turn < 4; turn++) await new Promise((done) => setTimeout(done))
  await tick()
  flushSync()
}

beforeEach(async () => {
  hooks = []
  sent.length = 0
  HTMLDialogElement.prototype.showModal = () => undefined
  vi.stubGlobal('fetch', async (_url: unknown, init?: RequestInit) => {
    if (init?.method !== 'POST') return new Response(JSON.stringify({ webhooks: hooks }))
    const body = JSON.parse(String(init.body)) as object
    sent.push(body)
    hooks = [{ id: 'w1', canvas: 'c1', made_by: 'ada', made: 1, ...body }]
    return new Response(JSON.stringify({ ...hooks[0], secret: 'whsec_x' }))
  })
  session = new Session(info('owner'), { socket: new FakeStudio().socket() })
  shown = mount(Webhooks, { target: document.body, props: { session, onclose: () => undefined } })
  await settle()
})
afterEach(async () => {
  await unmount(shown)
  session.destroy()
  vi.unstubAllGlobals()
  document.body.replaceChildren()
})

it('is told of tasks where that is wanted, as of all else', async () => {
  const groups = [...document.querySelectorAll<HTMLInputElement>('fieldset input')]
  expect(groups.map(({ value }) => value)).toEqual(['suggestion', 'decision', 'comment', 'task'])
  expect(groups[3]!.labels![0]!.textContent).toBe('Taskswaiting for an answer, done, failed')
  expect(groups.map(({ checked }) => checked)).toEqual([true, true, false, false])
  groups[3]!.click()
  const url = document.querySelector<HTMLInputElement>('input[type=url]')!
  url.value = 'https://example.com/hook'
  url.dispatchEvent(new Event('input', { bubbles: true }))
  await settle()
  document.querySelector('form')!.requestSubmit()
  await settle()
  expect(sent).toEqual([{ url: 'https://example.com/hook', events: ['suggestion', 'decision', 'task'] }])
  expect(document.querySelector('.what small')?.textContent).toContain('suggestions, decisions, tasks, added')
})

it('says what a program answered', () => {
  expect(answered('204')).toBe('answered 204')
  expect(answered('no answer came')).toBe('no answer came')
})

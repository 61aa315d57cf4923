import { flushSync, mount, tick, unmount } from 'svelte'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { notices } from '../notices.svelte'
import type { Mailbox } from './mail'
import Mail from './Mail.svelte'

let available = true
let mailbox: Mailbox | null = null
let refusal: object | undefined
let shown: Record<string, unknown>
const onclose = vi.fn()
const asked: [string, string, unknown][] = []

/** A studio that keeps one mailbox. */
const fetched = (async (url: RequestInfo | URL, init?: RequestInit) => {
  const method = init?.method ?? 'GET'
  const body = JSON.parse(String(init?.body ?? 'null')) as Pick<Mailbox, 'address' | 'about' | 'detail'>
  if (method !== 'GET') asked.push([method, String(url), body])
  if (method === 'DELETE') mailbox = null
  if (method === 'PUT') mailbox = { confirmed: mailbox?.address === body.address && mailbox.confirmed, problem: '', ...body }
  if (method !== 'GET' && refusal) return new Response(JSON.stringify({ error: refusal }), { status: 429 })
  return new Response(method === 'DELETE' ? '' : JSON.stringify({ available, mailbox }))
}) satisfies typeof fetch

async function settle() {
  for (let turn = 0; turn < 4; turn++) await new Promise((done) => setTimeout(done))
  await tick()
  flushSync()
}
async function open() {
  shown = mount(Mail, { target: document.body, props: { onclose } })
  await settle()
}
const field = () => document.querySelector<HTMLInputElement>('#mail-address')!
const button = (name: string) => [...document.querySelectorAll('button')].find(({ textContent }) => textContent.trim() === name)
const box = (value: string) => document.querySelector<HTMLInputElement>(`input[value="${value}"]`)!
const standing = () => document.querySelector('[role=status]')?.textContent
async function click(what: HTMLElement | undefined) {
  what!.click()
  await settle()
}
async function write(address: string) {
  field().value = address
  field().dispatchEvent(new Event('input', { bubbles: true }))
  await settle()
}
const confirmed = (more: Partial<Mailbox> = {}): Mailbox => ({ address: 'ada@example.com', confirmed: true, about: ['waiting', 'done', 'failed'], detail: 'titles', problem: '', ...more })

beforeEach(() => {
  available = true
  mailbox = null
  refusal = undefined
  asked.length = 0
  notices.shown = []
  HTMLDialogElement.prototype.showModal = () => undefined
  vi.stubGlobal('fetch', fetched)
})
afterEach(async () => {
  await unmount(shown)
  vi.unstubAllGlobals()
  document.body.replaceChildren()
})

it('says what is to be set where the studio sends no mail, and links nowhere', async () => {
  available = false
  await open()
  expect(document.body.textContent).toContain('This studio sends no mail.')
  for (const name of ['STUDIOLO_SMTP_URL', 'STUDIOLO_MAIL_FROM', 'STUDIOLO_URL']) expect(document.body.textContent).toContain(name)
  expect(document.querySelectorAll('a, form')).toHaveLength(0)
})

it('lets an address be forgotten that was kept while mail could be sent', async () => {
  available = false
  mailbox = confirmed()
  await open()
  await click(button('Forget it'))
  expect(asked).toEqual([['DELETE', '/api/me/mail', null]])
  expect(button('Forget it')).toBeUndefined()
})

it('asks for an address, and then waits until it is confirmed', async () => {
  await open()
  expect(standing()).toContain('You get no mails.')
  expect(button('Save and send the link')?.disabled).toBe(true)
  await write(' ada@example.com ')
  await click(box('done'))
  await click(box('more'))
  await click(button('Save and send the link'))
  expect(asked).toEqual([['PUT', '/api/me/mail', { address: 'ada@example.com', about: ['waiting', 'failed'], detail: 'more' }]])
  expect(standing()).toContain('ada@example.com waits for you to confirm it.')
  await click(button('Send the link again'))
  expect(asked.at(-1)).toEqual(['POST', '/api/me/mail/confirm', {}])
})

it('hears that the address was confirmed, and keeps what is being written', async () => {
  mailbox = confirmed({ confirmed: false, problem: 'Not delivered yet: 451 Later' })
  await open()
  expect(standing()).toContain('451 Later')
  await click(box('done'))
  mailbox = confirmed()
  document.dispatchEvent(new Event('visibilitychange'))
  await settle()
  expect(standing()).toContain('ada@example.com is confirmed.')
  expect(standing()).not.toContain('451')
  expect(box('done').checked).toBe(false)
})

it('sends a link only where the address is another one', async () => {
  mailbox = confirmed({ about: ['failed'] })
  await open()
  expect([field().value, box('failed').checked, box('done').checked]).toEqual(['ada@example.com', true, false])
  expect(button('Send the link again')).toBeUndefined()
  await click(button('Save'))
  expect(notices.shown.map(({ text }) => text)).toEqual(['Saved.'])
  await write('ada@example.org')
  await click(button('Save and send the link'))
  expect(standing()).toContain('ada@example.org waits')
  await click(box('failed'))
  expect(button('Save and send the link')?.disabled).toBe(true) // about nothing: that is no more mails
})

it('shows what was kept although no further link is sent today', async () => {
  mailbox = confirmed()
  refusal = { code: 'too_large', message: '3 mails were sent today.', hint: 'Look into your spam folder, or wait until tomorrow.' }
  await open()
  await write('ada@example.org')
  await click(button('Save and send the link'))
  expect(notices.shown[0]).toMatchObject({ tone: 'error', text: '3 mails were sent today.' })
  expect(standing()).toContain('ada@example.org waits')
})

it('ends mails', async () => {
  mailbox = confirmed()
  await open()
  await click(button('No more mails'))
  expect(asked).toEqual([['DELETE', '/api/me/mail', null]])
  expect([standing(), field().value]).toEqual([expect.stringContaining('You get no mails.'), ''])
})

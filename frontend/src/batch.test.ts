import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { BATCH, batchRemoteUpdates } from './batch'

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => vi.useRealTimers())

function line() {
  const doc = new Y.Doc()
  const other = new Y.Doc()
  const whole = vi.fn()
  const provider = { doc, messageHandlers: [whole] } as unknown as WebsocketProvider
  batchRemoteUpdates(provider)
  let transactions = 0
  doc.on('afterTransaction', (transaction) => (transactions += Number(transaction.changed.size > 0)))
  other.on('update', (update: Uint8Array) => receive(2, update))
  const receive = (type: number, data: Uint8Array) => {
    const frame = encoding.createEncoder()
    encoding.writeVarUint(frame, type)
    encoding.writeVarUint8Array(frame, data)
    provider.messageHandlers[0]?.(encoding.createEncoder(), decoding.createDecoder(encoding.toUint8Array(frame)), provider, true, 0)
  }
  const write = (text: string) => other.getText('t').insert(other.getText('t').length, text)
  return { doc, write, receive, whole, text: () => doc.getText('t').toString(), transactions: () => transactions }
}

it('shows the first edit at once', () => {
  const { write, text } = line()
  write('a')
  expect(text()).toBe('a')
})
it('gathers what follows closely into one change, and is never later than the limit', () => {
  const { write, text, transactions } = line()
  write('a')
  for (const letter of 'bcdef') write(letter)
  expect(text()).toBe('a')
  vi.advanceTimersByTime(BATCH)
  expect(text()).toBe('abcdef')
  expect(transactions()).toBe(2)
})
it('is immediate again after a pause', () => {
  const { write, text } = line()
  write('a')
  vi.advanceTimersByTime(10 * BATCH)
  write('b')
  expect(text()).toBe('ab')
})
it('applies what waits before a whole state', () => {
  const { write, receive, whole, text } = line()
  write('a')
  write('b')
  receive(1, new Uint8Array([0, 0]))
  expect(text()).toBe('ab')
  expect(whole).toHaveBeenCalledOnce()
})

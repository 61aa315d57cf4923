/**
 * Tells the studio of text that came otherwise than key by key: pasted, dropped, moved, or brought back by undo. Whose
 * words they are the studio finds out; this only says where they stand. It is told behind the person's back, once the
 * studio has the text itself, and nobody is disturbed when it cannot be told.
 */
import type { Extension, Transaction } from '@codemirror/state'
import { EditorView, ViewPlugin } from '@codemirror/view'
import * as Y from 'yjs'
import { ApiError, api, freshKey } from '../api'
import type { Session } from '../session.svelte'
import { position } from './anchors'
import { foreign, historyOf } from './history'

/** From so many UTF-16 units on a paste is worth telling of; what was moved or brought back, from two on. */
const LONG_ENOUGH = 12
const MOST = 200
const PAUSE = 150

interface Put { start: unknown; end: unknown }
interface Id { client: number; clock: number }

/** Whether a transaction puts in text from a clipboard, or from elsewhere in the page. */
const moves = (tr: Transaction) => tr.isUserEvent('move') || tr.isUserEvent('input.copyline') || tr.isUserEvent('input.drop')
const pastes = (tr: Transaction) => tr.isUserEvent('input.paste')

export function pasting(session: Session, page: string, text: Y.Text): Extension {
  const { manager } = historyOf(text)
  const waiting: Put[] = []
  /** Clocks of this client that may stand for others' words. */
  const told: [number, number][] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let pause = PAUSE
  let gone = false

  const put = (from: number, to: number) => {
    if (waiting.length >= MOST) return
    const next = { start: position(text, from, 0), end: position(text, to, -1) }
    waiting.push(next)
    const [first, last] = [next.start, next.end].map((place) => (place as { item?: Id }).item)
    if (first && last && first.client === last.client && first.client === text.doc?.clientID) told.push([first.clock, last.clock])
    timer ??= setTimeout(() => void tell(), PAUSE)
  }

  async function tell(): Promise<void> {
    timer = undefined
    if (session.closed) waiting.length = 0
    if (session.saved) pause = PAUSE
    while (waiting.length && session.saved) {
      const next = waiting[0]!
      try {
        await api.act(session.id, { type: 'pasted', page, ...next }, freshKey())
      } catch (error) {
        if (error instanceof ApiError && (error.status === 0 || error.status >= 500)) break // not just now: it waits
      }
      waiting.shift()
    }
    if (!waiting.length || (gone && !session.online)) return
    pause = Math.min(2000, pause * 1.5)
    timer = setTimeout(() => void tell(), pause)
  }

  /** What undo and redo put in, when some of it may be somebody else's words. */
  const restored = (event: Y.YTextEvent, transaction: Y.Transaction) => {
    if (transaction.origin !== manager || !session.canEdit) return
    const stretches: [number, number][] = []
    let at = 0
    for (const { retain = 0, insert } of event.delta) {
      at += retain
      if (typeof insert !== 'string') continue
      if (stretches.at(-1)?.[1] === at) stretches.at(-1)![1] = at + insert.length
      else stretches.push([at, at + insert.length])
      at += insert.length
    }
    const others = returns(transaction, ({ client, clock }) => client !== transaction.doc.clientID || told.some(([low, high]) => low <= clock && clock <= high))
    for (const [from, to] of stretches) if (others || to - from >= LONG_ENOUGH) put(from, to)
  }

  return [
    ViewPlugin.define(() => {
      text.observe(restored)
      return {
        destroy() {
          text.unobserve(restored)
          gone = true
        },
      }
    }),
    EditorView.updateListener.of((update) => {
      if (!update.docChanged || !session.canEdit || session.suggests) return
      for (const tr of update.transactions) {
        const moved = moves(tr)
        if (foreign(tr) || !(moved || pastes(tr))) continue
        // Where the text stands when all transactions of the update are done.
        const later = update.transactions.slice(update.transactions.indexOf(tr) + 1)
        tr.changes.iterChanges((_fromA, _toA, from, to) => {
          const [start, end] = later.reduce(([a, b], { changes }) => [changes.mapPos(a, 1), changes.mapPos(b, -1)], [from, to])
          if (to - from >= (moved ? 2 : LONG_ENOUGH) && end > start) put(start, end)
        })
      }
    }),
  ]
}

/** Whether a transaction of the undo manager brings back such words: it puts what returns before the dead of that id. */
function returns(transaction: Y.Transaction, others: (id: Id) => boolean): boolean {
  const { clientID, store } = transaction.doc
  const before = transaction.beforeState.get(clientID) ?? 0
  const structs = store.clients.get(clientID) ?? []
  for (let at = structs.length - 1; at >= 0; at--) {
    const struct = structs[at]!
    if (struct.id.clock + struct.length <= before) return false
    if (struct instanceof Y.Item && struct.rightOrigin && others(struct.rightOrigin)) return true
  }
  return false
}

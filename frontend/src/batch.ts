import * as decoding from 'lib0/decoding'
import type { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const SYNC = 0
const UPDATE = 2

/** At most this long does an edit of somebody else wait, in milliseconds. */
export const BATCH = 50

/**
 * Applies the edits of others at once when the line was idle, and otherwise at most 20 times a second: a colleague's
 * key shows without delay, and ten streaming agents cost one editor update instead of hundreds.
 */
export function batchRemoteUpdates(provider: WebsocketProvider, now: () => number = () => performance.now()): void {
  const sync = provider.messageHandlers[SYNC]
  if (!sync) return
  let queue: Uint8Array[] = []
  let last = -Infinity
  let timer: ReturnType<typeof setTimeout> | undefined

  const flush = () => {
    const updates = queue
    queue = []
    timer = undefined
    last = now()
    provider.doc.transact(() => {
      for (const update of updates) Y.applyUpdate(provider.doc, update, provider)
    }, provider)
  }

  provider.messageHandlers[SYNC] = (encoder, decoder, from, emitSynced, type) => {
    if (decoder.arr[decoder.pos] !== UPDATE) {
      // A whole state: what waits is older, so it goes first.
      if (queue.length) {
        clearTimeout(timer)
        flush()
      }
      return sync(encoder, decoder, from, emitSynced, type)
    }
    decoding.readVarUint(decoder)
    queue.push(decoding.readVarUint8Array(decoder).slice())
    const idle = now() - last
    if (timer !== undefined) return
    if (idle >= BATCH) flush()
    // Not requestAnimationFrame, which stops in a hidden tab.
    else timer = setTimeout(flush, BATCH - idle)
  }
}

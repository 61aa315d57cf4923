/** For tests: a studio in memory, at the other end of the socket a `Session` is given. */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as sync from 'y-protocols/sync'
import * as Y from 'yjs'
import type { CanvasInfo, Role } from './api'

/** The studio's end of one line. Only what y-websocket touches of a WebSocket is there. */
interface Line {
  url: string
  open(): void
  drop(code?: number, reason?: string): void
  ack(): void
}

/** One document, the lines to it, and whether edits reach the disk at once. */
export class FakeStudio {
  readonly doc = new Y.Doc()
  readonly lines: Line[] = []
  prompt = true

  constructor() {
    this.doc.getMap('meta').set('title', 'Lamp')
    const page = (title: string, order: number, text: string) => new Y.Map<unknown>(Object.entries({ title, kind: 'prose', order, text: new Y.Text(text) }))
    this.doc.getMap('pages').set('p1', page('One', 1, 'It was dark.'))
    this.doc.getMap('pages').set('p2', page('Two', 2, ''))
  }
  text(page = 'p1'): Y.Text {
    return (this.doc.getMap('pages').get(page) as Y.Map<unknown>).get('text') as Y.Text
  }
  get line(): Line {
    const last = this.lines.at(-1)
    if (!last) throw new Error('nobody has connected')
    return last
  }

  readonly socket = (): typeof WebSocket => socketTo(this)
}

/** What a socket to a studio is made of. */
function socketTo(studio: FakeStudio): typeof WebSocket {
  class Socket implements Line {
    readonly OPEN = 1
    binaryType = ''
    readyState = 0
    #kept = 0
    onopen?: () => void
    onmessage?: (event: { data: Uint8Array }) => void
    onclose?: (event: { code: number; reason: string }) => void

    constructor(readonly url: string) {
      studio.lines.push(this)
      studio.doc.on('update', (update: Uint8Array, origin: unknown) => {
        if (origin !== this && this.readyState === 1) this.#say(0, (out) => sync.writeUpdate(out, update))
      })
    }
    #say(type: number, write: (out: encoding.Encoder) => void) {
      const out = encoding.createEncoder()
      encoding.writeVarUint(out, type)
      write(out)
      this.onmessage?.({ data: encoding.toUint8Array(out) })
    }
    open() {
      this.readyState = 1
      this.onopen?.()
      this.#say(0, (out) => sync.writeSyncStep1(out, studio.doc))
    }
    send(data: Uint8Array) {
      const from = decoding.createDecoder(data)
      if (decoding.readVarUint(from) !== 0) return
      const answer = encoding.createEncoder()
      const step = sync.readSyncMessage(from, answer, studio.doc, this)
      if (step === 0) this.#say(0, (out) => encoding.writeUint8Array(out, encoding.toUint8Array(answer)))
      else {
        this.#kept++
        if (studio.prompt) this.ack()
      }
    }
    ack() {
      this.#say(100, (out) => encoding.writeVarUint(out, this.#kept))
    }
    drop(code = 1006, reason = '') {
      this.readyState = 3
      this.onclose?.({ code, reason })
    }
    close() {
      this.readyState = 3
    }
  }
  return Socket as unknown as typeof WebSocket
}

export const info = (role: Role): CanvasInfo => ({ id: 'c1', title: 'Lamp', role, epoch: 'e1', you: { id: 'ada', name: 'Ada', kind: 'person', color: '#1878b4' } })

// Real y-websocket clients, driven by JSON lines on standard input; each line is answered by one line.
import { createInterface } from 'node:readline'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const peers = new Map()

const commands = {
  async open({ peer, url, canvas, params, fresh }) {
    const doc = (!fresh && peers.get(peer)?.doc) || new Y.Doc()
    const provider = new WebsocketProvider(url, canvas, doc, { params, WebSocketPolyfill: WebSocket, disableBc: true })
    const state = { doc, provider, closes: [] }
    provider.on('connection-close', (event) => event && state.closes.push({ code: event.code, reason: event.reason }))
    peers.set(peer, state)
  },
  async synced({ peer }) {
    const { provider } = peers.get(peer)
    if (!provider.synced) await new Promise((resolve) => provider.once('sync', resolve))
  },
  insert({ peer, page, at, text, gone = 0 }) {
    const ytext = textOf(peer, page)
    peers.get(peer).doc.transact(() => {
      if (gone) ytext.delete(at, gone)
      ytext.insert(at, text)
    })
  },
  // At a part of the text from 0 to 1, before a whole code point: what is typed by others meanwhile moves no number.
  strike({ peer, page, part, text, gone = 0 }) {
    const ytext = textOf(peer, page)
    const points = [...ytext.toString()]
    const at = Math.floor(part * points.length)
    const before = points.slice(0, at).join('').length
    peers.get(peer).doc.transact(() => {
      ytext.delete(before, points.slice(at, at + gone).join('').length)
      ytext.insert(before, text)
    })
  },
  // Replaces whole characters at a place from 0 to 1 of the text as it is now; the characters that are gone.
  replace({ peer, page, where, gone, text }) {
    const characters = [...textOf(peer, page).toString()]
    const start = Math.round(where * characters.length)
    const old = characters.slice(start, start + gone).join('')
    commands.insert({ peer, page, at: characters.slice(0, start).join('').length, text, gone: old.length })
    return old
  },
  text: ({ peer, page }) => textOf(peer, page).toString(),
  root: ({ peer, name }) => peers.get(peer).doc.getMap(name).toJSON(),
  forge({ peer }) {
    peers.get(peer).doc.getMap('suggestions').set('fake', new Y.Map())
  },
  anchored({ peer, position }) {
    const at = Y.createAbsolutePositionFromRelativePosition(
      Y.createRelativePositionFromJSON(JSON.parse(position)), peers.get(peer).doc)
    return at && at.index
  },
  stand({ peer, state }) {
    peers.get(peer).provider.awareness.setLocalState(state)
  },
  present: ({ peer }) => [...peers.get(peer).provider.awareness.getStates().entries()],
  client: ({ peer }) => peers.get(peer).doc.clientID,
  closes: ({ peer }) => peers.get(peer).closes,
  disconnect({ peer }) {
    peers.get(peer).provider.disconnect()
  },
  connect({ peer }) {
    peers.get(peer).provider.connect()
  },
  close({ peer }) {
    peers.get(peer).provider.destroy()
  },
}

function textOf(peer, page) {
  return peers.get(peer).doc.getMap('pages').get(page).get('text')
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...given } = JSON.parse(line)
  try {
    process.stdout.write(JSON.stringify({ ok: (await commands[name](given)) ?? null }) + '\n')
  } catch (error) {
    process.stdout.write(JSON.stringify({ error: String(error) }) + '\n')
  }
}
process.exit(0)

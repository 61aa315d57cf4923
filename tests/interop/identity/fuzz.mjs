// node fuzz.mjs FIRST COUNT: four peers each edit a canvas at random and meet now and then, once per seed.
// Prints one line of JSON per seed: every update in the order made, and what Yjs says of the result.
import * as Y from 'yjs'
import {
  WORDS, addPage, addSuggestion, boundaries, bytes, generator, hex, layOut, pagesOf, pointsAt, runsOf, textOf,
  typeAtRandom
} from './canvas.mjs'

const PEERS = 4
const STEPS = 130

const simulate = (seed) => {
  const random = generator(seed)
  const rich = seed % 8 === 7 // formatting and embedded objects: refused by a room, but a log may hold them
  const clients = new Set()
  while (clients.size < PEERS) clients.add(1 + random.below(random.chance(0.5) ? 300 : 4294967295))
  const log = [] // {update, what, page}: in the order made, which is a causal order
  const server = new Y.Doc()
  let doing = { what: 'other', page: null }
  const peers = [...clients].map((client) => {
    const doc = new Y.Doc()
    doc.clientID = client
    doc.on('update', (update, origin, _, transaction) => {
      if (!transaction.local) return
      log.push({ update: hex(update), client, ...doing })
      Y.applyUpdate(server, update)
    })
    return doc
  })
  const undo = new Y.UndoManager(peers[1].getMap('pages'), { captureTimeout: 0 })
  layOut(peers[0])
  for (const peer of peers.slice(1)) Y.applyUpdate(peer, Y.encodeStateAsUpdate(peers[0]), 'sync')

  const records = (doc) => [
    () => doc.getMap('meta').set('title', random.pick(WORDS)),
    () => doc.getMap('pages').get(random.pick(pagesOf(doc)))?.set('title', random.pick(WORDS)),
    () => doc.getArray('chat').push([random.below(9), { deep: [1, { er: null }] }, new Uint8Array(3)]),
    () => doc.getArray('chat').insert(0, [new Y.Map([['text', new Y.Text('é😀')]])]),
    () => doc.getArray('chat').length > 2 && doc.getArray('chat').delete(random.below(doc.getArray('chat').length), 1),
    () => addSuggestion(doc, random.pick(['first', 'second', 'third'])),
    () => doc.getMap('suggestions').delete(random.pick(['first', 'second', 'third'])),
    () => doc.getMap('suggestions').forEach((record) => record.set('status', random.pick(['open', 'rejected']))),
    () => doc.getMap('suggestions').forEach((record) => record.get('hunks').get(0).get('replace').insert(0, '漢😀')),
    () => addPage(doc, random.pick(['one', 'four', 'five']), random.pick(WORDS)),
    () => random.chance(0.3) && doc.getMap('pages').delete(random.pick(['four', 'five'])),
    () => doc.getMap('pages').get(random.pick(pagesOf(doc))).set('text', new Y.Text('anew'))
  ]
  const decorations = (text) => [
    () => text.insertEmbed(random.pick(boundaries(text)), { image: 'x' }),
    () => text.format(0, Math.min(3, text.length), { bold: true }),
    () => text.setAttribute('a', random.below(9))
  ]

  const positions = []
  const note = (doc, page, known) => {
    const text = textOf(doc, page)
    const index = random.pick(boundaries(text))
    const assoc = random.chance(0.5) ? 0 : -1
    const position = Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, index, assoc))
    // `after`: how much of the log the maker had seen, or null for a peer, whose past is not a prefix of the log
    positions.push({ after: known ? log.length : null, page, offset: pointsAt(text, index), assoc, position })
  }

  for (let step = 0; step < STEPS; step++) {
    const doc = random.pick(peers)
    const page = random.pick(pagesOf(doc))
    const text = textOf(doc, page)
    const dice = random.next()
    if (dice < 0.55) {
      doing = { what: 'typing', page }
      typeAtRandom(random, doc, text)
    } else if (dice < 0.63) {
      doing = { what: 'other', page: null }
      random.pick(records(doc))()
    } else if (dice < 0.66 && rich) {
      doing = { what: 'other', page: null }
      random.pick(decorations(text))()
    } else if (dice < 0.69 && doc === peers[1]) {
      doing = { what: 'undo', page: null }
      random.chance(0.7) ? undo.undo() : undo.redo()
    } else if (dice < 0.85) {
      doing = { what: 'sync', page: null } // Yjs tidies up formatting then, in the name of whoever syncs
      const other = random.pick(peers)
      Y.applyUpdate(other, Y.encodeStateAsUpdate(doc, Y.encodeStateVector(other)), 'sync')
    } else if (dice < 0.92) {
      note(server, random.pick(pagesOf(server)), true)
    } else {
      note(doc, page, false)
    }
  }
  for (const page of pagesOf(server)) for (let n = 0; n < 6; n++) note(server, page, true)

  const whole = new Y.Doc()
  for (const { update } of log) Y.applyUpdate(whole, bytes(update))
  for (const peer of peers) {
    Y.applyUpdate(peer, Y.encodeStateAsUpdate(whole))
    for (const page of pagesOf(whole)) {
      if (textOf(peer, page).toString() !== textOf(whole, page).toString()) throw new Error(`seed ${seed} diverged`)
    }
  }
  for (const entry of positions) {
    const position = Y.createRelativePositionFromJSON(entry.position)
    const found = Y.createAbsolutePositionFromRelativePosition(position, whole, false)
    const page = found && pagesOf(whole).find((page) => textOf(whole, page) === found.type)
    entry.found = page ? [page, pointsAt(found.type, found.index)] : null
  }
  const updates = log.map(({ update }) => bytes(update))
  const parity = (rest) => hex(Y.mergeUpdates(updates.filter((_, index) => index % 2 === rest)))
  const gaps = Array.from({ length: 4 }, () => {
    const dropped = [1 + random.below(log.length - 1), 1 + random.below(log.length - 1)]
    const lacking = new Y.Doc()
    const waits = () => lacking.store.pendingStructs !== null || lacking.store.pendingDs !== null
    const first = log.findIndex(({ update }, index) => {
      if (!dropped.includes(index)) Y.applyUpdate(lacking, bytes(update))
      return waits()
    })
    return { dropped, first: first < 0 ? null : first }
  })
  return {
    seed,
    rich,
    gaps, // what is the first update that yjs lets wait when some are lost
    log,
    snapshot: hex(Y.encodeStateAsUpdate(whole)),
    merged: [parity(1), parity(0)], // every other update: full of holes
    state: Object.fromEntries(Y.decodeStateVector(Y.encodeStateVector(whole))),
    pages: Object.fromEntries(
      pagesOf(whole).map((page) => {
        const text = textOf(whole, page)
        return [page, { text: text.toString(), runs: runsOf(text) }]
      })
    ),
    positions
  }
}

const [first, count] = process.argv.slice(2).map(Number)
for (let seed = first; seed < first + count; seed++) console.log(JSON.stringify(simulate(seed)))

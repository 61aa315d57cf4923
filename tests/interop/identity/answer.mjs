// node answer.mjs: two Yjs peers who edit a canvas together with somebody at the other end of stdin and stdout.
// A line in is one of {"seed": n} (begin anew), {"theirs": [updates]} (a round), {"end": true};
// a line out is {"ours": [updates]}, or at the end {"pages": {page: {text, runs}}}.
import * as Y from 'yjs'
import { createInterface } from 'node:readline'
import { bytes, generator, hex, layOut, pagesOf, runsOf, textOf, typeAtRandom } from './canvas.mjs'

let random, peers, inboxes, ours

const begin = (seed) => {
  random = generator(seed)
  ours = []
  peers = [1 + random.below(50), 4294967000 + random.below(50)].map((client, index) => {
    const doc = new Y.Doc()
    doc.clientID = client
    doc.on('update', (update, origin) => {
      if (origin === 'sync') return
      ours.push(hex(update))
      inboxes[1 - index].push(update)
    })
    return doc
  })
  inboxes = peers.map(() => [])
  layOut(peers[0])
  deliver(1)
}

/** A peer reads its mail in the order it came, so what it makes next builds on all of it. */
const deliver = (index) => {
  for (const update of inboxes[index].splice(0)) Y.applyUpdate(peers[index], update, 'sync')
}

const play = (theirs) => {
  for (const update of theirs) for (const inbox of inboxes) inbox.push(bytes(update))
  for (const index of [0, 1]) {
    if (random.chance(0.6)) deliver(index)
    for (let edits = random.below(4); edits > 0; edits--) {
      const doc = peers[index]
      typeAtRandom(random, doc, textOf(doc, random.pick(pagesOf(doc))))
    }
  }
}

const end = () => {
  for (const index of [0, 1, 0]) deliver(index)
  const [one, two] = peers.map((doc) =>
    Object.fromEntries(
      pagesOf(doc).map((page) => [page, { text: textOf(doc, page).toString(), runs: runsOf(textOf(doc, page)) }])
    )
  )
  if (JSON.stringify(one) !== JSON.stringify(two)) throw new Error('the two peers differ')
  return one
}

for await (const line of createInterface({ input: process.stdin })) {
  const { seed, theirs, end: done } = JSON.parse(line)
  if (seed !== undefined) begin(seed)
  if (theirs) play(theirs)
  if (done) console.log(JSON.stringify({ pages: end() }))
  else console.log(JSON.stringify({ ours: ours.splice(0) }))
}

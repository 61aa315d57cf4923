// Two Yjs documents that are sent updates (JSON lines of hex on stdin), one each as it comes, the other the last first:
// what both hold after all of them.
import * as Y from 'yjs'
import { bytes } from './canvas.mjs'

let input = ''
for await (const chunk of process.stdin) input += chunk
const updates = JSON.parse(input).map(bytes)
const ordered = new Y.Doc()
const turned = new Y.Doc()
for (const update of updates) Y.applyUpdate(ordered, update)
for (const update of [...updates].reverse()) Y.applyUpdate(turned, update)
const told = (doc) => ({ pages: doc.getMap('pages').toJSON(), suggestions: doc.getMap('suggestions').toJSON() })
console.log(JSON.stringify([told(ordered), told(turned)]))

// node read.mjs: for every line of JSON in, a list of updates, prints the texts of the pages that they make.
import * as Y from 'yjs'
import { createInterface } from 'node:readline'
import { bytes, pagesOf, textOf } from './canvas.mjs'

for await (const line of createInterface({ input: process.stdin })) {
  const doc = new Y.Doc()
  for (const update of JSON.parse(line)) Y.applyUpdate(doc, bytes(update))
  console.log(JSON.stringify(Object.fromEntries(pagesOf(doc).map((page) => [page, textOf(doc, page).toString()]))))
}

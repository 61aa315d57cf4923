// A canvas document as Studiolo lays it out, random edits to it, and what Yjs says about it.
import * as Y from 'yjs'

/** A small seeded generator (mulberry32): the same seed gives the same run. */
export const generator = (seed) => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const below = (n) => Math.floor(next() * n)
  return { next, below, chance: (p) => next() < p, pick: (list) => list[below(list.length)] }
}

export const WORDS = [
  'a', 'b', ' ', '\n', 'the quick fox ', 'é', 'e\u0301', 'ñandú', '漢字', 'かな', '한국어', '😀', '😀😁', '🧑🏽‍🚀',
  '👨‍👩‍👧‍👦', '🇫🇷🇯🇵', '𝒳𝒴', 'ﷺ', '\u200b', 'नमस्ते', '\t', '\r\n', '\u0000', '\ufeff', 'x😀y漢z'
]

export const hex = (bytes) => Buffer.from(bytes).toString('hex')
export const bytes = (text) => Buffer.from(text, 'hex')

export const addPage = (doc, id, text) => {
  const page = new Y.Map()
  for (const [key, value] of Object.entries({ id, title: id, kind: 'prose', order: 1.5 })) page.set(key, value)
  page.set('text', new Y.Text(text))
  doc.getMap('pages').set(id, page)
}

export const addSuggestion = (doc, id) => {
  const hunk = new Y.Map([['quote', 'x'], ['status', 'open'], ['replace', new Y.Text('y😀')]])
  const hunks = new Y.Array()
  hunks.push([hunk])
  const suggestion = new Y.Map([['id', id], ['status', 'streaming'], ['hunks', hunks]])
  doc.getMap('suggestions').set(id, suggestion)
}

export const layOut = (doc) => {
  doc.transact(() => {
    doc.getMap('meta').set('title', 'A canvas')
    addPage(doc, 'one', 'Once upon a 😀 time')
    addPage(doc, 'two', '')
    addPage(doc, 'three', '漢字\n')
    addSuggestion(doc, 'first')
    doc.getArray('chat').push([new Y.Map([['text', new Y.Text('hello')]])])
  })
}

/** The text of a page, if the page is there. */
export const textOf = (doc, page) => doc.getMap('pages').get(page)?.get('text')

export const pagesOf = (doc) => [...doc.getMap('pages').keys()].filter((page) => textOf(doc, page) instanceof Y.Text)

const visible = function* (text) {
  for (let item = text._start; item !== null; item = item.right) if (!item.deleted && item.countable) yield item
}

/** The Yjs indices between two characters: offsets in code points, when nothing but text is in the text. */
export const boundaries = (text) => {
  const found = [0]
  let index = 0
  for (const item of visible(text)) {
    if (item.content instanceof Y.ContentString) {
      for (const character of item.content.str) {
        index += character.length
        found.push(index)
      }
    } else {
      index += item.length
      found.push(index)
    }
  }
  return found
}

/** A Yjs index as an offset in code points of `text.toString()`; a half of a character counts as nothing. */
export const pointsAt = (text, index) => {
  let points = 0
  for (const item of visible(text)) {
    if (index <= 0) break
    if (item.content instanceof Y.ContentString) {
      let left = index
      for (const character of item.content.str) {
        left -= character.length
        if (left < 0) break
        points++
      }
    }
    index -= item.length
  }
  return points
}

/** [client, clock, UTF-16 length] of what each client wrote in one go. */
export const runsOf = (text) => {
  const runs = []
  for (const item of visible(text)) {
    if (!(item.content instanceof Y.ContentString)) continue
    const last = runs.at(-1)
    if (last && last[0] === item.id.client && last[1] + last[2] === item.id.clock) last[2] += item.length
    else runs.push([item.id.client, item.id.clock, item.length])
  }
  return runs
}

/** Insert or delete at random, as somebody who types, pastes or selects. */
export const typeAtRandom = (random, doc, text) => {
  const spots = boundaries(text)
  if (spots.length > 1 && random.chance(0.4)) {
    const first = random.below(spots.length - 1)
    const last = Math.min(spots.length - 1, first + 1 + random.below(random.chance(0.2) ? 12 : 3))
    const start = spots[first]
    doc.transact(() => {
      text.delete(start, spots[last] - start)
      if (random.chance(0.3)) text.insert(start, random.pick(WORDS))
    })
  } else {
    let at = random.pick(spots)
    const keys = random.chance(0.3) ? 4 : 1
    for (let key = 0; key < keys; key++) {
      const word = random.chance(0.01) ? 'long 漢😀 '.repeat(1200) : random.pick(WORDS)
      text.insert(at, word)
      at += word.length
    }
  }
}

/**
 * Places in a page that hold while the page moves: Yjs relative positions plus the quote between them.
 * The rules are those of the server (`canvas/anchors.py`), so a card that looks acceptable here is accepted there.
 */
import type { Text } from '@codemirror/state'
import * as Y from 'yjs'

export interface Anchored { start: string; end: string; quote: string; before: string; after: string }
export interface Range { from: number; to: number }
/** Where an anchor is now. `stale`: the text there is not the text that was meant, so nothing may be applied to it. */
export interface Placing extends Range { stale: boolean }

/** Offset of a relative position (JSON text or object) in its page now; undefined when it is not in this page. */
export type Locate = (position: unknown) => number | undefined

const SURROUNDINGS = 12
const LONG_ENOUGH = 40
export const CONTEXT = 64

/** Naming or finding a position walks the page's whole history (5 ms in an old 1 MB page): never do it per key. */
export function locator(text: Y.Text): Locate {
  return (position) => {
    if (!position || !text.doc) return undefined
    try {
      const json: unknown = typeof position === 'string' ? JSON.parse(position) : position
      const at = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(json), text.doc)
      return at && at.type === text ? at.index : undefined
    } catch {
      return undefined                     // not a position: a foreign client's mistake must not close the editor
    }
  }
}

/** A relative position as an action takes it. `assoc` 0 sticks to the character after it, -1 to the one before. */
export function position(text: Y.Text, at: number, assoc: 0 | -1): unknown {
  return Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, at, assoc))
}

/** What stands on either side of a range, at most `length` UTF-16 units, never half a character. */
export function surroundings(doc: Text, from: number, to: number, length = CONTEXT): { before: string; after: string } {
  return {
    before: doc.sliceString(Math.max(0, from - length), from, '\n').replace(/^[\udc00-\udfff]/, ''),
    after: doc.sliceString(to, Math.min(doc.length, to + length), '\n').replace(/[\ud800-\udbff]$/, ''),
  }
}

/** Where an anchor is in `doc`, or null when it cannot be found at all. */
export function place(doc: Text, locate: Locate, at: Anchored): Placing | null {
  const low = locate(at.start)
  const high = locate(at.end)
  if (low === undefined || high === undefined) return null
  if (!at.quote) return judge(doc, { from: high, to: high }, at)
  const found = judge(doc, { from: low, to: Math.max(low, high) }, at)
  return found.stale && found.from === found.to ? (refind(doc, at) ?? found) : found
}

/** Whether the text of a range still is what its anchor meant. */
export function judge(doc: Text, { from, to }: Range, at: Anchored): Placing {
  if (!at.quote) return { from, to, stale: surroundingsGone(doc, to, at) }
  return { from, to, stale: to - from !== at.quote.length || doc.sliceString(from, to, '\n') !== at.quote }
}

/** A quote that was cut and pasted elsewhere, when it is surely that one. */
export function refind(doc: Text, at: Anchored): Placing | null {
  const text = doc.sliceString(0, doc.length, '\n')
  const found: number[] = []
  for (let from = text.indexOf(at.quote); from >= 0 && found.length < 2; from = text.indexOf(at.quote, from + 1))
    if (recognised(doc, from, from + at.quote.length, at)) found.push(from)
  return found.length === 1 ? { from: found[0]!, to: found[0]! + at.quote.length, stale: false } : null
}

function recognised(doc: Text, from: number, to: number, at: Anchored): boolean {
  if (size(at.quote) >= LONG_ENOUGH) return true
  const { before: left, after: right } = surroundings(doc, from, to)
  const before = last(at.before, SURROUNDINGS)
  const after = first(at.after, SURROUNDINGS)
  return (size(before) === SURROUNDINGS && left.endsWith(before)) || (size(after) === SURROUNDINGS && right.startsWith(after))
}

/** Neither side of an insertion's place reads as it did: its paragraph was deleted or rewritten. */
function surroundingsGone(doc: Text, pos: number, at: Anchored): boolean {
  if (!at.before && !at.after) return false
  const { before: left, after: right } = surroundings(doc, pos, pos)
  return !((at.before && left.endsWith(last(at.before, 4))) || (at.after && right.startsWith(first(at.after, 4))))
}

// In code points, as the server counts.
const size = (text: string) => [...text].length
const first = (text: string, n: number) => [...text].slice(0, n).join('')
const last = (text: string, n: number) => [...text].slice(-n).join('')

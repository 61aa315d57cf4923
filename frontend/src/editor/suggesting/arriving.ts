/**
 * What others do to the shared text while it is shown with one's own suggestions in it: their edits are carried to
 * where they stand on the screen, and a suggestion that somebody has decided about becomes plain text or goes.
 */
import { ChangeSet, type Text } from '@codemirror/state'
import { type Mark, type Marks, type Paint, baseSlice, between, carriedApart, type Kind, painted, sides, toBase, toView, type Unit, unitsOf } from './marks'

export type Delta = readonly { retain?: number; insert?: unknown; delete?: number }[]

/** What became of a unit: it is gone, or its words `text` were taken; `further`: more was typed since they were sent. */
export type Settled = { how: 'gone' } | { how: 'taken'; text: string; further: boolean }

export interface Arrival { changes: ChangeSet; marks: Mark[]; base: ChangeSet }
export interface Piece { text: string; kind: Kind | null }
interface Spec { from: number; to: number; insert: string }

export function arrive(doc: Text, base: Text, marks: Marks, delta: Delta, settled: ReadonlyMap<string, Settled>, unit: () => string): Arrival {
  const units = unitsOf(marks)
  const onBase: Spec[] = []
  const onScreen: Spec[] = []
  let at = 0
  for (const { retain, insert, delete: gone } of delta) {
    if (typeof insert === 'string') {
      onBase.push({ from: at, to: at, insert })
      const pos = spot(marks, units, at)
      onScreen.push({ from: pos, to: pos, insert })
    } else if (gone) {
      onBase.push({ from: at, to: at + gone, insert: '' })
      let from = toView(marks, at, 1)
      const end = toView(marks, at + gone, -1)
      for (const mark of between(marks, from, end)) {
        if (mark.kind !== 'ins') continue
        if (mark.from > from) onScreen.push({ from, to: mark.from, insert: '' })
        from = mark.to
      }
      if (end > from) onScreen.push({ from, to: end, insert: '' })
      at += gone
    } else at += retain ?? 0
  }
  const baseChanges = ChangeSet.of(onBase, base.length)
  const over = [...settled].flatMap(([key, how]) => (units.has(key) ? [{ unit: units.get(key)!, how }] : [])).sort((a, b) => a.unit.from - b.unit.from)
  const plain = ChangeSet.of(onScreen, doc.length)
  if (!over.length) return { changes: plain, marks: carriedApart(marks, plain), base: baseChanges }

  const midDoc = plain.apply(doc)
  const midMarks = carriedApart(marks, plain)
  let specs = onScreen
  let floor = 0
  const pieces: { from: number; list: Piece[] }[] = []
  for (const { unit: one, how } of over) {
    const from = Math.max(floor, plain.mapPos(one.from, -1))
    floor = Math.max(from, plain.mapPos(one.to, 1))
    const list = outcome(baseSlice(midMarks, midDoc, from, floor), sides(doc, one).replace, how)
    const inside = specs.filter((spec) => spec.to >= one.from && spec.from <= one.to)
    specs = specs.filter((spec) => !inside.includes(spec))
    // A deletion that reaches beyond the unit still takes what is outside it.
    for (const spec of inside) {
      if (spec.from < one.from) specs.push({ from: spec.from, to: one.from, insert: '' })
      if (spec.to > one.to) specs.push({ from: one.to, to: spec.to, insert: '' })
    }
    specs.push(...smallest(doc, one, list.map(({ text }) => text).join('')))
    pieces.push({ from: one.from, list })
  }
  specs.sort((a, b) => a.from - b.from || a.to - b.to)
  const changes = ChangeSet.of(specs, doc.length)
  const left = carriedApart(marks.filter((mark) => !settled.has(mark.unit)), changes)
  const paints: Paint[] = []
  for (const { from, list } of pieces) {
    let pos = changes.mapPos(from, -1)
    const name = list.some(({ kind }) => kind) ? unit() : ''
    for (const { text, kind } of list) {
      if (kind) paints.push({ from: pos, to: pos + text.length, kind, unit: name })
      pos += text.length
    }
  }
  return { changes, marks: painted(left, paints), base: baseChanges }
}

/** Where somebody's insertion stands on the screen: outside of one's own units wherever that can be. */
function spot(marks: Marks, units: ReadonlyMap<string, Unit>, base: number): number {
  const before = toView(marks, base, -1)
  const behind = toView(marks, base, 1)
  if (before === behind) return behind
  const [mark] = between(marks, before, behind)
  const unit = mark && units.get(mark.unit)
  // New words before the words they replace: what comes there comes before both.
  return unit && toBase(marks, unit.from) === base && toBase(marks, unit.to) > base ? before : behind
}

/** What stands where a decided unit stood: the shared text now, and what of the person's typing is still to be decided. */
function outcome(now: string, mine: string, how: Settled): Piece[] {
  const over: Piece[] = [{ text: now, kind: null }]
  if (how.how === 'gone' || !how.further || mine === how.text) return over
  const { text } = how
  const [low, high] = common(text, mine)
  const out = text.slice(low, text.length - high)
  const added = mine.slice(low, mine.length - high)
  const start = now.indexOf(text)
  if (start < 0) return [...over, { text: added, kind: 'ins' as const }].filter((piece) => piece.text)
  const pieces: Piece[] = [
    { text: now.slice(0, start + low), kind: null },
    { text: out, kind: 'del' },
    { text: added, kind: 'ins' },
    { text: now.slice(start + text.length - high), kind: null },
  ]
  return pieces.filter((piece) => piece.text)
}

function common(a: string, b: string): [number, number] {
  const most = Math.min(a.length, b.length)
  let low = 0
  while (low < most && a[low] === b[low]) low++
  let high = 0
  while (high < most - low && a[a.length - 1 - high] === b[b.length - 1 - high]) high++
  return [low, high]
}

/** The smallest edits that make a unit's span read `text`: where one of its two sides is wanted, nothing else moves. */
function smallest(doc: Text, unit: Unit, text: string): Spec[] {
  const { quote, replace } = sides(doc, unit)
  const without = (kind: Kind) => unit.marks.filter((mark) => mark.kind === kind).map(({ from, to }) => ({ from, to, insert: '' }))
  if (text === replace) return without('del')
  if (text === quote) return without('ins')
  return trimmed(doc, unit.from, unit.to, text)
}

export function trimmed(doc: Text, from: number, to: number, text: string): Spec[] {
  const old = doc.sliceString(from, to, '\n')
  if (old === text) return []
  const [low, high] = common(old, text)
  return [{ from: from + low, to: to - high, insert: text.slice(low, text.length - high) }]
}

/** Shows a proposal that is in the shared records: `pieces` takes the place of a span of the screen. */
export function show(doc: Text, marks: Marks, from: number, to: number, list: readonly Piece[], key: string): { changes: ChangeSet; marks: Mark[] } {
  const changes = ChangeSet.of(trimmed(doc, from, to, list.map(({ text }) => text).join('')), doc.length)
  const left = carriedApart(marks.filter((mark) => mark.unit !== key), changes)
  const paints: Paint[] = []
  let pos = from
  for (const { text, kind } of list) {
    if (kind) paints.push({ from: pos, to: pos + text.length, kind, unit: key })
    pos += text.length
  }
  return { changes, marks: painted(left, paints) }
}

/** A replacement as it is shown: what stays, what goes, what comes. */
export function drawn(quote: string, edits: readonly { from: number; to: number; insert: string }[]): Piece[] {
  const list: Piece[] = []
  let at = 0
  for (const { from, to, insert } of edits) {
    list.push({ text: quote.slice(at, from), kind: null }, { text: quote.slice(from, to), kind: 'del' }, { text: insert, kind: 'ins' })
    at = to
  }
  list.push({ text: quote.slice(at), kind: null })
  return list.filter(({ text }) => text)
}

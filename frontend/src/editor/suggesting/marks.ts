/**
 * What suggesting mode adds to a text, as plain values: which characters on the screen are new (`ins`: not in the
 * shared text) and which of the shared ones are to go (`del`). Offsets are those of the screen unless said otherwise;
 * the shared text is the screen's text without the new characters. Nothing here knows the editor's state.
 */
import type { ChangeDesc, Text } from '@codemirror/state'

export type Kind = 'ins' | 'del'
/** Ascending, disjoint, never empty. Marks of one unit are decided together: one suggestion, one change. */
export interface Mark { from: number; to: number; kind: Kind; unit: string }
export type Marks = readonly Mark[]
/** `kind` null: what is here is plain text again. */
export interface Paint { from: number; to: number; kind: Kind | null; unit: string }
export interface Span { from: number; to: number }

// -- offsets

interface Index { starts: number[]; sums: number[] }
const indexes = new WeakMap<Marks, Index>()

/** Where each run of new characters begins, and how many of them stand before it. */
function indexOf(marks: Marks): Index {
  let found = indexes.get(marks)
  if (!found) {
    found = { starts: [], sums: [0] }
    for (const { from, to, kind } of marks) {
      if (kind !== 'ins') continue
      found.starts.push(from)
      found.sums.push(found.sums[found.sums.length - 1]! + to - from)
    }
    indexes.set(marks, found)
  }
  return found
}

/** The offset in the shared text of a place on the screen. */
export function toBase(marks: Marks, pos: number): number {
  if (!marks.length) return pos
  const { starts, sums } = indexOf(marks)
  const before = search(starts.length, (i) => starts[i]! < pos)
  if (!before) return pos
  const [start, sum, with_] = [starts[before - 1]!, sums[before - 1]!, sums[before]!]
  return Math.max(start - sum, pos - with_)
}

/** Where an offset of the shared text stands on the screen: before (-1) or behind (1) what is new there. */
export function toView(marks: Marks, base: number, side: -1 | 1): number {
  if (!marks.length) return base
  const { starts, sums } = indexOf(marks)
  const passed = search(starts.length, (i) => (side > 0 ? starts[i]! - sums[i]! <= base : starts[i]! - sums[i]! < base))
  return base + sums[passed]!
}

/** How many of `n` come before the first for which the condition fails. */
function search(n: number, holds: (i: number) => boolean): number {
  let low = 0
  let high = n
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) low = middle + 1
    else high = middle
  }
  return low
}

/** The first mark that ends behind a place. */
export const firstFrom = (marks: Marks, pos: number): number => search(marks.length, (i) => marks[i]!.to <= pos)

export function* between(marks: Marks, from: number, to: number): Generator<Mark> {
  for (let i = firstFrom(marks, from); i < marks.length && marks[i]!.from < to; i++) yield marks[i]!
}

// -- changing

/** The marks after an edit. What appears at an edge belongs to no mark, what appears inside one belongs to it. */
export function carried(marks: Marks, changes: ChangeDesc): Mark[] {
  const out: Mark[] = []
  for (const mark of marks) {
    const from = changes.mapPos(mark.from, 1)
    const to = changes.mapPos(mark.to, -1)
    if (to > from) push(out, { ...mark, from, to })
  }
  return out
}

/** The same for what others wrote: it belongs to no mark wherever it appears. */
export function carriedApart(marks: Marks, changes: ChangeDesc): Mark[] {
  const paints: Paint[] = []
  changes.iterChangedRanges((_fromA, _toA, from, to) => paints.push({ from, to, kind: null, unit: '' }))
  return painted(carried(marks, changes), paints)
}

export function painted(marks: Marks, paints: readonly Paint[]): Mark[] {
  let out = marks as Mark[]
  for (const paint of paints) if (paint.to > paint.from) out = paintOne(out, paint)
  return out as Mark[]
}

function paintOne(marks: Marks, { from, to, kind, unit }: Paint): Mark[] {
  const out: Mark[] = []
  let placed = kind === null
  const place = () => {
    if (!placed && kind) push(out, { from, to, kind, unit })
    placed = true
  }
  for (const mark of marks) {
    if (mark.to <= from) {
      push(out, mark)
      continue
    }
    if (mark.from < from) push(out, { ...mark, to: from })
    if (mark.to > to) {
      place()
      push(out, { ...mark, from: Math.max(mark.from, to) })
    }
  }
  place()
  return out
}

function push(out: Mark[], mark: Mark): void {
  const last = out[out.length - 1]
  if (last && last.to === mark.from && last.kind === mark.kind && last.unit === mark.unit) out[out.length - 1] = { ...last, to: mark.to }
  else out.push(mark)
}

// -- units

export interface Unit extends Span { key: string; marks: Mark[] }

export function unitsOf(marks: Marks): Map<string, Unit> {
  const units = new Map<string, Unit>()
  for (const mark of marks) {
    const unit = units.get(mark.unit)
    if (!unit) units.set(mark.unit, { key: mark.unit, from: mark.from, to: mark.to, marks: [mark] })
    else {
      unit.to = mark.to
      unit.marks.push(mark)
    }
  }
  return units
}

/**
 * Whether an edit with the marks that follow it leaves the shared text alone: what it takes out was new, what it puts
 * in is new, and nothing else became new or stopped being so.
 */
export function sound(before: Marks, changes: ChangeDesc, after: Marks): boolean {
  const expected = carried(news(before), changes)
  let whole = true
  const added: Paint[] = []
  changes.iterChangedRanges((fromA, toA, fromB, toB) => {
    let gone = 0
    for (const mark of between(before, fromA, toA)) if (mark.kind === 'ins') gone += Math.min(mark.to, toA) - Math.max(mark.from, fromA)
    whole &&= gone === toA - fromA
    added.push({ from: fromB, to: toB, kind: 'ins', unit: '' })
  }, true)
  const wanted = painted(expected, added)
  const real = painted(news(after), [])
  return whole && wanted.length === real.length && wanted.every((mark, i) => mark.from === real[i]!.from && mark.to === real[i]!.to)
}

/** The new characters only, whosever they are, in as few runs as can be. */
function news(marks: Marks): Mark[] {
  const out: Mark[] = []
  for (const mark of marks) if (mark.kind === 'ins') push(out, { ...mark, unit: '' })
  return out
}

const WORD = /^[\p{L}\p{N}\p{M}_'’-]*$/u
const BLANK = /^[^\S\n]*$/u

/** Whether two changes with this text between them are read as one: they touch, or are in one word, or in neighbours. */
export const together = (text: string): boolean => text.length < 60 && (WORD.test(text) || BLANK.test(text))

/**
 * Which marks belong together, after an edit that touched the units in `fresh`: a unit that has come to touch another
 * becomes one with it (the older key stays, by `age`), and one that lies within another belongs to it. What was once
 * together is not split again.
 */
export function grouped(marks: Marks, doc: Text, fresh: ReadonlySet<string>, age: (key: string) => number): Mark[] {
  const units = [...unitsOf(marks).values()].sort((a, b) => a.from - b.from)
  const names = new Map<string, string>()
  let hull: { key: string; to: number; keys: string[] } | null = null
  for (const unit of units) {
    const near: boolean =
      hull !== null &&
      (unit.from < hull.to ||
        ((fresh.has(unit.key) || hull.keys.some((key) => fresh.has(key))) && unit.from - hull.to < 60 && together(doc.sliceString(hull.to, unit.from, '\n'))))
    if (!hull || !near) hull = { key: unit.key, to: unit.to, keys: [unit.key] }
    else {
      hull.keys.push(unit.key)
      hull.to = Math.max(hull.to, unit.to)
      hull.key = hull.keys.reduce((a, b) => (age(b) < age(a) ? b : a))
      for (const key of hull.keys) names.set(key, hull.key)
    }
  }
  if (!names.size) return marks as Mark[]
  const out: Mark[] = []
  for (const mark of marks) push(out, names.has(mark.unit) ? { ...mark, unit: names.get(mark.unit)! } : mark)
  return out
}

/** The shared text under a unit's span, and what would stand there. */
export function sides(doc: Text, { from, to, marks }: Unit): { quote: string; replace: string } {
  let quote = ''
  let replace = ''
  let at = from
  for (const mark of marks) {
    const kept = doc.sliceString(at, mark.from, '\n')
    const text = doc.sliceString(mark.from, mark.to, '\n')
    quote += mark.kind === 'del' ? kept + text : kept
    replace += mark.kind === 'ins' ? kept + text : kept
    at = mark.to
  }
  const rest = doc.sliceString(at, to, '\n')
  return { quote: quote + rest, replace: replace + rest }
}

/** The text of a span of the screen, only its shared characters. */
export function baseSlice(marks: Marks, doc: Text, from: number, to: number): string {
  let out = ''
  let at = from
  for (const mark of between(marks, from, to)) {
    if (mark.kind !== 'ins') continue
    out += doc.sliceString(at, Math.max(at, mark.from), '\n')
    at = Math.min(mark.to, to)
  }
  return out + doc.sliceString(at, to, '\n')
}

const LETTER = /[\p{L}\p{N}\p{M}_]/u
const REACH = 40

/** The span of a unit, grown to whole words where it cuts through one: a reader decides about words, not letters. */
export function wholeWords(marks: Marks, doc: Text, unit: Unit): Span {
  const { quote, replace } = sides(doc, unit)
  const letter = (char: string | undefined) => char !== undefined && LETTER.test(char)
  let { from, to } = unit
  const free = (pos: number) => ![...between(marks, pos, pos + 1)].length
  const at = (pos: number) => doc.sliceString(pos, pos + 1, '\n')
  if (letter(quote[0]) || letter(replace[0])) while (from > 0 && unit.from - from < REACH && free(from - 1) && letter(at(from - 1))) from--
  if (letter(quote.at(-1)) || letter(replace.at(-1))) while (to < doc.length && to - unit.to < REACH && free(to) && letter(at(to))) to++
  // A neighbour in the same word would have become one with this unit; one that was there before is left alone.
  return { from, to }
}

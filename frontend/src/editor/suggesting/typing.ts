/**
 * What a person types in suggesting mode, turned into suggestions while the transaction is made: shared words stay and
 * are marked, one's own new words really come and go. The editor draws the result in one go; nothing is waited for.
 */
import { ChangeSet, type ChangeSpec, EditorSelection, EditorState, findClusterBreak, type Text, type Transaction, type TransactionSpec } from '@codemirror/state'
import { type Mark, type Marks, type Paint, between, carried, firstFrom, grouped, painted, sides, unitsOf } from './marks'
import { onBase, outside, setMarks, splice } from './splice'

let last = 0
/** A name for a new unit. Later ones are greater, across reloads too. */
export function freshUnit(): string {
  last = Math.max(last + 1, Date.now() * 1000)
  return `u${last}`
}
/** When a unit was begun; those that the studio knows are older than any that it does not know yet. */
export const age = (key: string): number => (key.startsWith('u') ? Number(key.slice(1)) : 0)

/** Where the caret goes when words that stay on the screen were deleted: the way the key went. */
type Stay = 'start' | 'end'

interface Proposal { changes: ChangeSet; marks: Mark[]; at: (pos: number) => number }
interface Region { fromB: number; toB: number; startC: number; insertC: number; endC: number; prefix: number; kept: number; after: number }

/** An edit as a proposal: `at` says where a place of the text that the edit would have made now stands. */
export function propose(doc: Text, marks: Marks, edit: ChangeSet, stay: Stay, unit: string): Proposal {
  const specs: ChangeSpec[] = []
  const paints: Paint[] = []
  const regions: Region[] = []
  let delta = 0
  edit.iterChanges((fromA, toA, fromB, toB, inserted) => {
    const typed = inserted.sliceString(0, inserted.length, '\n')
    const [prefix, suffix] = marksIn(marks, fromA, toA) ? [0, 0] : alike(doc.sliceString(fromA, toA, '\n'), typed)
    const from = fromA + prefix
    const to = toA - suffix
    const text = typed.slice(prefix, typed.length - suffix)
    const startC = fromA + delta
    let at = from
    const strike = (end: number) => {
      if (end > at) paints.push({ from: at + delta, to: end + delta, kind: 'del', unit })
    }
    for (const mark of between(marks, from, to)) {
      const [low, high] = [Math.max(mark.from, from), Math.min(mark.to, to)]
      strike(low)
      at = high
      if (mark.kind === 'del') continue
      specs.push({ from: low, to: high })
      delta -= high - low
    }
    strike(to)
    const insertC = to + delta
    if (text) {
      specs.push({ from: to, insert: text })
      paints.push({ from: insertC, to: insertC + text.length, kind: 'ins', unit })
      delta += text.length
    }
    regions.push({ fromB, toB, startC, insertC, endC: toA + delta, prefix, kept: text.length, after: delta })
  }, true)
  const changes = ChangeSet.of(specs, doc.length)
  const next = changes.apply(doc)
  const at = (pos: number): number => {
    let shift = 0
    for (const { fromB, toB, startC, insertC, endC, prefix, kept } of regions) {
      if (pos < fromB) break
      shift = endC - toB
      if (pos > toB) continue
      const inside = pos - fromB
      if (fromB === toB) return stay === 'start' ? startC : endC
      if (inside < prefix) return startC + inside
      return inside - prefix <= kept ? insertC + inside - prefix : endC - (toB - pos)
    }
    return pos + shift
  }
  const drawn = painted(carried(marks, changes), paints)
  return { changes, marks: grouped(drawn, next, new Set([unit]), age), at }
}

const marksIn = (marks: Marks, from: number, to: number): boolean => {
  const first = marks[firstFrom(marks, from)]
  return first !== undefined && first.from < to
}

/** How many characters two texts have in common at their beginnings and ends; never half of one. */
function alike(a: string, b: string): [number, number] {
  const most = Math.min(a.length, b.length)
  let low = 0
  while (low < most && a[low] === b[low]) low++
  if (low && /[\ud800-\udbff]/.test(a[low - 1]!)) low--
  let high = 0
  while (high < most - low && a[a.length - 1 - high] === b[b.length - 1 - high]) high++
  if (high && /[\udc00-\udfff]/.test(a[a.length - high]!)) high--
  return [low, high]
}

/** The units that came to nothing: what was deleted was typed again just as it was. */
function cancelled(doc: Text, marks: Marks, unit: string): { changes: ChangeSet; marks: Mark[]; at: (pos: number) => number } | null {
  const touched = [...unitsOf(marks).values()].filter(({ key, marks: own }) => key === unit && own.length > 1)
  for (const one of touched) {
    const { quote, replace } = sides(doc, one)
    if (quote !== replace) continue
    const gone = one.marks.filter(({ kind }) => kind === 'ins')
    const changes = ChangeSet.of(gone.map(({ from, to }) => ({ from, to })), doc.length)
    // The caret stood behind so many characters of what would be; now it stands behind as many of what is.
    const at = (pos: number): number => {
      if (pos <= one.from || pos >= one.to) return changes.mapPos(pos)
      let count = pos - one.from
      for (const mark of one.marks) if (mark.kind === 'del') count -= Math.max(0, Math.min(pos, mark.to) - mark.from)
      return one.from + count
    }
    return { changes, marks: carried(marks.filter((mark) => mark.unit !== one.key), changes), at }
  }
  return null
}

/** Deleting what is already struck would do nothing: the key means what stands beyond it. */
function beyond(state: EditorState, marks: Marks, tr: Transaction): { from: number; to: number } | 'nothing' | null {
  const backward = tr.isUserEvent('delete.backward')
  if (!backward && !tr.isUserEvent('delete.forward')) return null
  let range = null as { from: number; to: number } | null
  let several = false
  tr.changes.iterChangedRanges((from, to) => {
    several ||= range !== null
    range = { from, to }
  })
  const found = range
  if (!found || several) return null
  let { from, to } = found
  let struck = 0
  for (const mark of between(marks, from, to)) if (mark.kind === 'del') struck += Math.min(mark.to, to) - Math.max(mark.from, from)
  if (struck < to - from) return null
  const { doc } = state
  if (backward) {
    for (let i = firstFrom(marks, from - 1); i >= 0 && marks[i]!.kind === 'del' && marks[i]!.to >= from && marks[i]!.from < from; i--) from = marks[i]!.from
    if (from === 0) return 'nothing'
    const line = doc.lineAt(from)
    return { from: from === line.from ? from - 1 : line.from + findClusterBreak(line.text, from - line.from, false), to: from }
  }
  for (let i = firstFrom(marks, to); i < marks.length && marks[i]!.kind === 'del' && marks[i]!.from <= to; i++) to = marks[i]!.to
  if (to === doc.length) return 'nothing'
  const line = doc.lineAt(to)
  return { from: to, to: to === line.to ? to + 1 : line.from + findClusterBreak(line.text, to - line.from, true) }
}

/** What becomes of a transaction of this person in suggesting mode. */
export const suggested = EditorState.transactionFilter.of((tr) => {
  const now = tr.startState.field(splice, false)
  if (!now || !tr.docChanged || tr.annotation(outside) || tr.annotation(onBase)) return tr
  const { startState: state } = tr
  const { doc } = state
  const { marks } = now
  let edit = tr.changes
  let stay: Stay = tr.isUserEvent('delete.backward') ? 'start' : 'end'
  const other = beyond(state, marks, tr)
  let selection = tr.selection
  if (other === 'nothing') return { selection: EditorSelection.cursor(stay === 'start' ? 0 : doc.length), scrollIntoView: true }
  if (other) {
    edit = ChangeSet.of(other, doc.length)
    selection = EditorSelection.single(other.from)
    // What one typed oneself is really gone: then there is nothing to stand before or behind.
    stay = tr.isUserEvent('delete.backward') ? 'start' : 'end'
  }
  const unit = freshUnit()
  const made = propose(doc, marks, edit, stay, unit)
  let { changes, marks: next } = made
  // Without a selection of its own an edit carries the old one along.
  const wanted = selection ?? state.selection.map(edit)
  let selected = EditorSelection.create(wanted.ranges.map((range) => EditorSelection.range(made.at(range.anchor), made.at(range.head))), wanted.mainIndex)
  if (!tr.isUserEvent('input.type.compose')) {
    const mine = [...between(next, 0, Infinity)].find(({ from, to }) => from <= selected.main.head && to >= selected.main.head)?.unit
    const over = mine ? cancelled(changes.apply(doc), next, mine) : null
    if (over) {
      changes = changes.compose(over.changes)
      next = over.marks
      selected = EditorSelection.create(selected.ranges.map((range) => EditorSelection.range(over.at(range.anchor), over.at(range.head))), selected.mainIndex)
    }
  }
  const { annotations } = tr as unknown as { annotations: TransactionSpec['annotations'] }
  return {
    changes,
    selection: selected,
    effects: [...tr.effects, setMarks.of(next)],
    ...(annotations ? { annotations } : {}),
    scrollIntoView: tr.scrollIntoView,
  }
})

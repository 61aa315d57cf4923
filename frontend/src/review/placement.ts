/**
 * Where the open suggestions and comments of a page stand in the editor.
 *
 * Anchors are resolved when a record arrives or changes; after that its place is carried along with the edits, and
 * only a record whose own text was touched is judged again. Places are those of the shared text, `spanOf` says where
 * that is on the screen.
 */
import { type ChangeSet, type EditorState, StateEffect, StateField, type Text } from '@codemirror/state'
import { type Anchored, judge, type Locate, place, type Placing, refind } from '../editor/anchors'
import { baseChanges, baseDoc, toBase, toView } from '../editor/suggesting/splice'
import type { Hunk, Suggestion, Thread } from '../session.svelte'
import { type Edit, growingEdits, wordEdits } from './diff'

interface Placed extends Placing {
  /** The suggestion's or thread's id: the card it belongs to. */
  id: string
  anchor: Anchored
}
export interface PlacedHunk extends Placed {
  kind: 'hunk'
  suggestion: Suggestion
  hunk: Hunk
  streaming: boolean
  /** What changes inside the range, offsets from `from`. */
  edits: Edit[]
  /** The alternatives that it is one of, when others want to change the same words; "" when it stands alone. */
  group: string
}
export interface PlacedThread extends Placed {
  kind: 'thread'
  thread: Thread
}
export type Item = PlacedHunk | PlacedThread

export interface Records { suggestions: readonly Suggestion[]; threads: readonly Thread[]; locate: Locate }

/** The records of this page as they are now; whoever is missing is gone. */
export const setRecords = StateEffect.define<Records>()

/** A record that could not be found at all is kept at the top, stale, so that a person can still read and dismiss it. */
const LOST: Placing = { from: 0, to: 0, stale: true }

export const keyOf = (item: Item) => (item.kind === 'hunk' ? `${item.id}/${item.hunk.index}` : item.id)
const sameAnchor = (a: Anchored, b: Anchored) => a.start === b.start && a.end === b.end && a.quote === b.quote

/** Not decided yet. The studio marks what it found out of date, and takes the mark back when the text returns. */
export const undecided = ({ status }: Hunk): boolean => status === 'open' || status === 'stale'

/** The hunk with what changes inside it. Edits that are as they were are the same array: nothing is drawn anew. */
function withEdits(doc: Text, item: Omit<PlacedHunk, 'edits' | 'group'> & Partial<Pick<PlacedHunk, 'edits' | 'group'>>): PlacedHunk {
  const { group = '' } = item
  const text = item.stale ? '' : doc.sliceString(item.from, item.to, '\n')
  const edits = item.stale ? [] : item.streaming ? growingEdits(text, item.hunk.replace) : wordEdits(text, item.hunk.replace)
  const before = item.edits
  const same = before?.length === edits.length && edits.every((edit, i) => alike(edit, before[i]!))
  return { ...item, group, edits: before && same ? before : edits }
}

const alike = (a: Edit, b: Edit) => a.from === b.from && a.to === b.to && a.insert === b.insert

function arrive(old: ReadonlyMap<string, Item>, doc: Text, { suggestions, threads, locate }: Records): Item[] {
  const items: Item[] = []
  const stand = (known: Item | undefined, anchor: Anchored): Placing => {
    if (known && sameAnchor(known.anchor, anchor)) return judge(doc, known, anchor)
    return place(doc, locate, anchor) ?? LOST
  }
  for (const suggestion of suggestions) {
    const streaming = suggestion.status === 'streaming'
    for (const hunk of suggestion.hunks) {
      if (!undecided(hunk)) continue
      const known = old.get(`${suggestion.id}/${hunk.index}`)
      if (known?.kind === 'hunk' && known.suggestion === suggestion) {
        items.push(known)
        continue
      }
      const { from, to, stale } = stand(known, hunk)
      const item = { kind: 'hunk', id: suggestion.id, anchor: hunk, suggestion, hunk, streaming, from, to } as const
      items.push(withEdits(doc, { ...item, stale: stale || hunk.status === 'stale' }))
    }
  }
  for (const thread of threads) {
    const known = old.get(thread.id)
    items.push(known?.kind === 'thread' && known.thread === thread ? known : { kind: 'thread', id: thread.id, anchor: thread, thread, ...stand(known, thread) })
  }
  return grouped(items.sort(inOrder))
}

const inOrder = (a: Item, b: Item) => a.from - b.from || a.to - b.to

/**
 * Says of every hunk which others it overlaps: they share a character, insert at one place, or one inserts inside what
 * the other replaces. An insertion at the edge of a replaced span is beside it. (The studio says the same.)
 */
export function grouped(items: Item[]): Item[] {
  const open = items.filter((item): item is PlacedHunk => item.kind === 'hunk' && !item.stale && !item.streaming)
  const names = new Map<Item, string>()
  let members: PlacedHunk[] = []
  let to = -1
  const close = () => {
    if (new Set(members.map(({ id }) => id)).size > 1) {
      const first = members.reduce((a, b) => (b.suggestion.at < a.suggestion.at ? b : a))
      for (const member of members) names.set(member, keyOf(first))
    }
    members = []
  }
  for (const item of open) {
    const same = members.some(({ from, to: end }) => from === end && item.from === item.to && from === item.from)
    if (!same && item.from >= to) close()
    members.push(item)
    to = members.length > 1 ? Math.max(to, item.to) : item.to
  }
  close()
  const changed = items.some((item) => item.kind === 'hunk' && item.group !== (names.get(item) ?? ''))
  return changed ? items.map((item) => (item.kind === 'hunk' ? { ...item, group: names.get(item) ?? '' } : item)) : items
}

/** Carries a place along with an edit: the anchors stick to the first and the last character of what they quote. */
export function carry({ from, to }: { from: number; to: number }, quote: string, changes: ChangeSet): { from: number; to: number } {
  if (!quote) {
    const at = changes.mapPos(to, -1)
    return { from: at, to: at }
  }
  const start = changes.mapPos(from, 1)
  return { from: start, to: Math.max(start, changes.mapPos(to, -1)) }
}

/** The same item elsewhere. Written out, because a thousand of them are made for every key. */
function standing(item: Item, from: number, to: number): Item {
  if (item.kind === 'thread') return { ...item, from, to }
  const { kind, id, anchor, suggestion, hunk, streaming, stale, edits, group } = item
  return { kind, id, anchor, suggestion, hunk, streaming, from, to, stale, edits, group }
}

function move(items: readonly Item[], changes: ChangeSet, doc: Text): Item[] {
  let longest = 0
  let first = Infinity
  let last = 0
  changes.iterChanges((from, to, _fromB, _toB, insert) => {
    longest = Math.max(longest, insert.length)
    first = Math.min(first, from)
    last = to
  })
  const grown = changes.newLength - changes.length
  return items.map((item) => {
    // Nothing has happened here, nor where its text could come back.
    if (item.to + 8 < first && !item.stale) return item
    const { quote } = item.anchor
    if (item.from - 8 > last && !item.stale) return standing(item, item.from + grown, item.to + grown)
    const at = carry(item, quote, changes)
    // An insertion's place also depends on the words around it.
    const touched = quote ? changes.touchesRange(item.from, item.to) : changes.touchesRange(Math.max(0, item.from - 8), item.to + 8)
    let placing: Placing = touched ? judge(doc, at, item.anchor) : { ...at, stale: item.stale }
    if (placing.stale && placing.from === placing.to && quote && longest >= quote.length) placing = refind(doc, item.anchor) ?? placing
    const moved = { ...item, ...placing }
    if (moved.kind === 'hunk' && moved.hunk.status === 'stale') moved.stale = true
    return moved.kind === 'hunk' && (touched || moved.stale !== item.stale) ? withEdits(doc, moved) : moved
  })
}

export interface Placements { items: readonly Item[]; /** Changes when something must be drawn anew rather than moved. */ drawn: number }

export const placements = StateField.define<Placements>({
  create: () => ({ items: [], drawn: 0 }),
  update(value, tr) {
    let { items, drawn } = value
    const changes = tr.docChanged && items.length ? baseChanges(tr) : null
    if (changes && !changes.empty) {
      const moved = move(items, changes, baseDoc(tr.state))
      if (moved.some((item, i) => item.stale !== items[i]!.stale || (item.kind === 'hunk' && item.edits !== (items[i] as PlacedHunk).edits))) drawn++
      items = drawn === value.drawn ? moved : grouped(moved)
    }
    for (const effect of tr.effects) {
      if (!effect.is(setRecords)) continue
      items = arrive(new Map(items.map((item) => [keyOf(item), item])), baseDoc(tr.state), effect.value)
      drawn++
    }
    return items === value.items ? value : { items, drawn }
  },
})

export const itemsOf = (state: EditorState): readonly Item[] => state.field(placements).items

/** Where an item is on the screen. New words of one's own stand outside of it wherever that can be. */
export function spanOf(state: EditorState, item: Pick<Item, 'from' | 'to'>): { from: number; to: number } {
  const from = toView(state, item.from, 1)
  return { from, to: item.to > item.from ? Math.max(from, toView(state, item.to, -1)) : from }
}

/** The item at a position of the screen: the shortest one around it, suggestions before comments. */
export function itemAt(state: EditorState, at: number): Item | undefined {
  const pos = toBase(state, at)
  let best: Item | undefined
  for (const item of itemsOf(state)) {
    if (item.from > pos || item.to < pos) continue
    if (!best || item.to - item.from < best.to - best.from || (best.kind === 'thread' && item.kind === 'hunk' && item.to - item.from <= best.to - best.from)) best = item
  }
  return best
}

/** The next or previous item from a position, going round at the ends. */
export function itemFrom(state: EditorState, at: number, step: 1 | -1): Item | undefined {
  const pos = toBase(state, at)
  const items = itemsOf(state)
  if (step > 0) return items.find((item) => item.from > pos) ?? items[0]
  return items.findLast((item) => item.from < pos) ?? items.at(-1)
}

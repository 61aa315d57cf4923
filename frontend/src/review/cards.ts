/** The cards of the margin, made from what is placed in the text. */
import type { EditorView } from '@codemirror/view'
import type { Suggestion, Thread } from '../session.svelte'
import { type Item, keyOf, type PlacedHunk, type PlacedThread } from './placement'

export interface SuggestionCard { kind: 'suggestion'; id: string; top: number; suggestion: Suggestion; hunks: PlacedHunk[]; stale: boolean }
/** Changes of several suggestions to the same words: alternatives, of which one is shown in the text. */
export interface GroupCard { kind: 'group'; id: string; top: number; options: PlacedHunk[] }
export interface ThreadCard { kind: 'thread'; id: string; top: number; thread: Thread; item: PlacedThread; fix: SuggestionCard | null }
export interface DraftCard { kind: 'draft'; id: 'draft'; top: number }
export type Card = SuggestionCard | GroupCard | ThreadCard | DraftCard

/** The card of a group of alternatives. */
export const groupId = (group: string): string => `group:${group}`

/** How far down the scrolled area the line of a place begins. Only while the editor measures. */
export function heights(view: EditorView): (pos: number) => number {
  const { scrollDOM, documentTop } = view
  const offset = documentTop - scrollDOM.getBoundingClientRect().top + scrollDOM.scrollTop
  return (pos) => {
    const block = view.lineBlockAt(pos)
    // In a long paragraph the line of the page is not the line on the screen.
    const inside = block.height > view.defaultLineHeight * 1.8 && pos >= view.viewport.from && pos <= view.viewport.to
    const at = inside ? view.coordsAtPos(pos, 1) : null
    return at ? at.top - documentTop + offset : block.top + offset
  }
}

type Top = (item: { from: number; to: number }) => number

/** `prefer` is the hunk of a suggestion beside which its card should stand. */
export function cardsOf(items: readonly Item[], top: Top, prefer: { id: string | null; hunk: number | null }): Card[] {
  const alone = new Map<string, PlacedHunk[]>()
  const groups = new Map<string, PlacedHunk[]>()
  const threads: PlacedThread[] = []
  const add = (map: Map<string, PlacedHunk[]>, id: string, item: PlacedHunk) => {
    const list = map.get(id)
    if (list) list.push(item)
    else map.set(id, [item])
  }
  for (const item of items) {
    if (item.kind === 'thread') threads.push(item)
    else if (item.group) add(groups, item.group, item)
    else add(alone, item.id, item)
  }
  const suggestion = (hunks: PlacedHunk[]): SuggestionCard => {
    const first = hunks.find(({ hunk, id }) => id === prefer.id && hunk.index === prefer.hunk) ?? hunks[0]!
    return { kind: 'suggestion', id: first.id, suggestion: first.suggestion, hunks, stale: hunks.every(({ stale }) => stale), top: top(first) }
  }
  const cards: Card[] = threads.map((item) => {
    const linked = item.thread.suggestion ? alone.get(item.thread.suggestion) : undefined
    if (linked && item.thread.suggestion) alone.delete(item.thread.suggestion)
    return { kind: 'thread', id: item.id, thread: item.thread, item, fix: linked ? suggestion(linked) : null, top: top(item) }
  })
  for (const hunks of alone.values()) cards.push(suggestion(hunks))
  for (const [group, options] of groups) {
    options.sort((a, b) => a.suggestion.at - b.suggestion.at || (keyOf(a) < keyOf(b) ? -1 : 1))
    cards.push({ kind: 'group', id: groupId(group), options, top: top(options[0]!) })
  }
  return cards
}

/** Cards that look the same stay the same: what streams on the other end of the page moves nothing here. */
export function alike(a: readonly Card[], b: readonly Card[]): boolean {
  return a.length === b.length && a.every((card, i) => same(card, b[i]!))
}

function same(a: Card, b: Card): boolean {
  if (a.id !== b.id || a.kind !== b.kind || Math.abs(a.top - b.top) >= 0.5) return false
  if (a.kind === 'suggestion' && b.kind === 'suggestion') return a.suggestion === b.suggestion && equal(a.hunks, b.hunks)
  if (a.kind === 'group' && b.kind === 'group') return equal(a.options, b.options)
  if (a.kind === 'thread' && b.kind === 'thread')
    return a.thread === b.thread && a.item.stale === b.item.stale && (a.fix && b.fix ? same(a.fix, b.fix) : a.fix === b.fix)
  return true
}

const equal = (a: readonly PlacedHunk[], b: readonly PlacedHunk[]): boolean =>
  a.length === b.length && a.every((hunk, i) => hunk.suggestion === b[i]!.suggestion && hunk.stale === b[i]!.stale && hunk.edits === b[i]!.edits)

/** The card that something drawn in the text belongs to. */
export const cardAt = (target: EventTarget | null): string | null =>
  (target instanceof Element && target.closest<HTMLElement>('[data-review]')?.dataset['review']) || null

/** Which of several changes of a suggestion is meant; null where there is only one. */
export const hunkOf = (item: Item | undefined): number | null => (item?.kind === 'hunk' && !item.group && item.suggestion.hunks.length > 1 ? item.hunk.index : null)

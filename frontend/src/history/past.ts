/** What a studio tells of a canvas's past, and how a page makes days, moments and words of it. Nothing here keeps state. */
import type { Participant, Role } from '../api'

export interface Tally { added: number; removed: number }
export interface Note {
  seq: number
  at: number
  participant: string
  type: string
  to?: number
  page?: string
  title?: string
  deed?: number
  branch?: string
}
export interface PastSession extends Tally {
  from: number
  to: number
  began: number
  ended: number
  people: ({ participant: string } & Tally)[]
  pages: ({ page: string } & Tally)[]
  decisions: Record<string, number>
  runs: string[]
  notes: Note[]
  moments: [seq: number, at: number][]
}
export interface Version { id: string; seq: number; at: number; name: string; participant: string }
export interface Timeline {
  tip: number
  at: number
  sessions: PastSession[]
  titles: Record<string, string>
  versions: Version[]
  participants: Record<string, Participant>
}

export interface Strip { kind: 'same' | 'ins' | 'del'; text: string; by?: string }
export interface PastPage { page: string; title: string; kind: 'prose' | 'code' | 'note' | 'data'; new: number; old?: number; text: string; words: number; strips?: Strip[] }
export interface PageMark extends Tally { page: string; title: string; kind: string; marks: string[]; words: number; was?: string }
export interface Preview extends Tally { page: string; title: string; strips: Strip[]; fields: Record<string, unknown> }

export interface Branch {
  id: string
  title: string
  made: number
  updated: number
  seq: number
  by: Participant | null
  role: Role
  hunks: { open: number; stale: number; accepted: number; rejected: number }
}
export interface Parent { id: string; title: string; role: Role | null; gone: boolean }
export type ChangeState = 'new' | 'there' | 'open' | 'declined' | 'clash'
export interface BranchChange { find: string; replace: string; before: string; after: string; author: string; state: ChangeState }
export interface PageChange { page: string; title: string; kind: 'added' | 'renamed' | 'removed'; was: string; words: number }
export interface BranchChanges {
  title: string
  counts: Record<ChangeState, number>
  pages: { page: string; changes: BranchChange[] }[]
  page_changes: PageChange[]
  participants: Record<string, Participant>
}

/** A place on the slider: the state after row `seq`, in session number `session`. */
export interface Moment { seq: number; at: number; session: number }

export function moments(timeline: Timeline): Moment[] {
  return timeline.sessions.flatMap((session, number) => session.moments.map(([seq, at]) => ({ seq, at, session: number })))
}

/** The last moment that is not after row `seq`; the first one when all are. */
export function momentAt(list: readonly Moment[], seq: number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (list[middle]!.seq <= seq) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}

const DAY: Intl.DateTimeFormatOptions = { weekday: 'long', day: 'numeric', month: 'long' }

/** A day as people name it: `Today`, `Yesterday`, `Monday, 2 March`, with the year when it is another one. */
export function dayOf(at: number, now = Date.now() / 1000): string {
  const day = new Date(at * 1000)
  const today = new Date(now * 1000)
  if (day.toDateString() === today.toDateString()) return 'Today'
  if (day.toDateString() === new Date(now * 1000 - 864e5).toDateString()) return 'Yesterday'
  return day.toLocaleDateString('en', day.getFullYear() === today.getFullYear() ? DAY : { ...DAY, year: 'numeric' })
}

const hour = (at: number) => new Date(at * 1000).toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hour12: false })

/** From when to when a session went; one time when it was over within a minute. */
export function span(began: number, ended: number): string {
  const [from, to] = [hour(began), hour(ended)]
  return from === to ? from : `${from} to ${to}`
}

/** A moment in words: `Today, 14:32`. */
export const when = (at: number, now?: number): string => `${dayOf(at, now)}, ${hour(at)}`

/** The same inside of a sentence: `today, 14:32`. */
export const whenIn = (at: number, now?: number): string => when(at, now).replace(/^(Today|Yesterday)/, (day) => day.toLowerCase())

export interface Day { name: string; sessions: { session: PastSession; number: number }[] }

/** Sessions by day, the last one first: what one looks for is mostly near. */
export function days(timeline: Timeline, now?: number): Day[] {
  const found: Day[] = []
  for (let number = timeline.sessions.length - 1; number >= 0; number--) {
    const session = timeline.sessions[number]!
    const name = dayOf(session.ended, now)
    if (found.at(-1)?.name !== name) found.push({ name, sessions: [] })
    found.at(-1)!.sessions.push({ session, number })
  }
  return found
}

const SAYS: Record<string, (title: string) => string> = {
  create: () => 'began the canvas',
  branch: () => 'began the branch',
  add_page: (title) => `added “${title}”`,
  remove_page: (title) => `removed “${title}”`,
  restore_page: (title) => `put “${title}” back`,
  rename_page: (title) => `named a page “${title}”`,
  move_page: (title) => `moved “${title}”`,
  restore: (title) => (title ? `restored “${title}”` : 'restored the canvas'),
  take_back: () => 'took back what was typed',
  undo_deed: () => 'undid that',
  undo: () => 'took decisions back',
  accept_all: () => 'accepted many suggestions',
  reject_all: () => 'rejected many suggestions',
  propose: (title) => `brought “${title}” back`,
}
/** Deeds that turned text back, and can be undone. */
export const DEEDS: ReadonlySet<string> = new Set(['restore', 'take_back', 'undo_deed'])

/** What a line of the timeline says somebody did. */
export function says(note: Note, titles: Record<string, string>): string {
  const title = note.title ?? (note.page ? titles[note.page] : '') ?? ''
  return (SAYS[note.type] ?? (() => note.type.replaceAll('_', ' ')))(title || (note.page ? 'Untitled' : ''))
}

/** Where an offset of a JavaScript string is in characters, as the studio counts. */
export function characters(text: string, offset: number): number {
  let count = 0
  for (let at = 0; at < offset; at++) {
    const code = text.charCodeAt(at)
    if (code < 0xdc00 || code > 0xdfff) count++
  }
  return count
}

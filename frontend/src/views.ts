import type { Card } from './runs/steps'
import * as Y from 'yjs'
import type { Kind, PageKind } from './api'

/** Plain objects for what the document holds, and the bookkeeping that rebuilds only what changed. No framework here. */

export interface Page { id: string; title: string; kind: PageKind; order: number; removed: boolean }

interface Authored { author: string; name: string; author_kind: Kind; color: string; at: number }

export type HunkStatus = 'open' | 'accepted' | 'rejected' | 'withdrawn' | 'stale'
export interface Hunk {
  index: number
  /** Yjs relative positions as JSON text. */
  start: string
  end: string
  quote: string
  before: string
  after: string
  replace: string
  status: HunkStatus
  by?: string
  by_name?: string
  decided?: number
  /** The decision that it was decided with; `undo` takes that back. */
  decision?: string
  /** What its author had proposed, where somebody else amended it. */
  proposed?: string
  amended_by?: string
  amended_by_name?: string
  policy?: string
  audit?: string
}

/** What a change rests on: a passage, a source elsewhere, or a sentence that says it. */
export interface Evidence { text?: string; page?: string; quote?: string; url?: string }

export type SuggestionStatus = 'streaming' | 'open' | 'accepted' | 'partly_accepted' | 'rejected' | 'withdrawn' | 'stale'
export interface Suggestion extends Authored {
  id: string
  page: string
  reason: string
  skill: string
  run: string
  model: string
  status: SuggestionStatus
  hunks: Hunk[]
  evidence?: Evidence[]
  kinds?: string[]
  risk?: string
  replaces?: string
  branch?: string
}

export interface Comment extends Authored { id: string; text: string }
export interface Thread extends Authored {
  id: string
  page: string
  start: string
  end: string
  quote: string
  before: string
  after: string
  status: 'open' | 'resolved'
  suggestion?: string
  /** The suggestion that is talked about. */
  about?: string
  /** The decision that settled it. */
  decision?: string
  run?: string
  comments: Comment[]
}

/** A passage that a message cites: of a page, or of a file with its place there. */
export interface Quote { page?: string; attachment?: string; /** On the web: as the agent read it there; nobody has looked. */ url?: string; place?: string; section?: number; quote: string; found: boolean }
export interface Message extends Authored {
  id: string
  text: string
  run?: string
  status?: 'writing' | 'done' | 'failed' | 'stopped'
  quotes: Quote[]
  ideas: string[]
  /** What an agent asks of people before it goes on. */
  card?: Card
}

type Raw = Y.Map<unknown>
const str = (map: Raw, key: string): string => {
  const value = map.get(key)
  return value === undefined || value === null ? '' : value instanceof Y.Text ? value.toString() : String(value)
}
const num = (map: Raw, key: string): number => Number(map.get(key) ?? 0)
const optional = <K extends string>(map: Raw, ...keys: K[]): { [P in K]?: string } =>
  Object.fromEntries(keys.filter((key) => str(map, key)).map((key) => [key, str(map, key)])) as { [P in K]?: string }
const kind = (map: Raw): Kind => (map.get('author_kind') === 'agent' ? 'agent' : 'person')
const authored = (map: Raw): Authored => ({
  author: str(map, 'author'), name: str(map, 'name'), author_kind: kind(map), color: str(map, 'color'), at: num(map, 'at'),
})
const maps = (list: unknown): Raw[] => (list instanceof Y.Array ? list.toArray().filter((item) => item instanceof Y.Map) : [])

function card(kept: string): { card?: Card } {
  if (!kept) return {}
  try {
    return { card: JSON.parse(kept) as Card }
  } catch {
    return {}
  }
}

function list<T>(map: Raw, key: string): T[] {
  try {
    const value: unknown = JSON.parse(str(map, key) || '[]')
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

export function readPage(id: string, map: Raw): Page {
  return { id, title: str(map, 'title'), kind: (str(map, 'kind') || 'prose') as PageKind, order: num(map, 'order'), removed: Boolean(map.get('removed')) }
}

export function readSuggestion(id: string, map: Raw): Suggestion {
  return {
    id, ...authored(map), page: str(map, 'page'), reason: str(map, 'reason'), skill: str(map, 'skill'), run: str(map, 'run'),
    model: str(map, 'model'), status: str(map, 'status') as SuggestionStatus,
    ...(map.has('evidence') ? { evidence: list<Evidence>(map, 'evidence') } : {}), ...(map.has('kinds') ? { kinds: list<string>(map, 'kinds') } : {}), ...optional(map, 'risk', 'replaces', 'branch'),
    hunks: maps(map.get('hunks')).map((hunk, index) => ({
      index, start: str(hunk, 'start'), end: str(hunk, 'end'), quote: str(hunk, 'quote'), before: str(hunk, 'before'),
      after: str(hunk, 'after'), replace: str(hunk, 'replace'), status: (str(hunk, 'status') || 'open') as HunkStatus,
      ...optional(hunk, 'by', 'by_name', 'decision', 'amended_by', 'amended_by_name', 'policy', 'audit'),
      ...(hunk.has('proposed') ? { proposed: str(hunk, 'proposed') } : {}), ...(hunk.has('decided') ? { decided: num(hunk, 'decided') } : {}),
    })),
  }
}

export function readThread(id: string, map: Raw): Thread {
  return {
    id, ...authored(map), page: str(map, 'page'), start: str(map, 'start'), end: str(map, 'end'), quote: str(map, 'quote'),
    before: str(map, 'before'), after: str(map, 'after'), status: str(map, 'status') === 'resolved' ? 'resolved' : 'open',
    ...optional(map, 'suggestion', 'about', 'decision', 'run'),
    comments: maps(map.get('comments')).map((comment) => ({ id: str(comment, 'id'), ...authored(comment), text: str(comment, 'text') })),
  }
}

export function readMessage(map: Raw): Message {
  const status = str(map, 'status')
  return {
    id: str(map, 'id'), ...authored(map), text: str(map, 'text'), ...optional(map, 'run'),
    ...(status ? { status: status as NonNullable<Message['status']> } : {}), quotes: list<Quote>(map, 'quotes'), ideas: list<string>(map, 'ideas'), ...card(str(map, 'card')),
  }
}

export const byOrder = (a: Page, b: Page) => a.order - b.order || (a.id < b.id ? -1 : 1)
const byTime = (a: { at: number; id: string }, b: { at: number; id: string }) => a.at - b.at || (a.id < b.id ? -1 : 1)

/**
 * Keeps `show` supplied with plain objects of a map of maps. One change rebuilds one object, so a suggestion that
 * streams does not rebuild the other hundred, and the texts of pages are never read.
 */
function watchMap<T>(root: Y.Map<Raw>, read: (id: string, map: Raw) => T, order: (a: T, b: T) => number, show: (all: T[]) => void): () => void {
  const known = new Map<string, T>()
  const take = (id: string) => {
    const map = root.get(id)
    if (map instanceof Y.Map) known.set(id, read(id, map))
    else known.delete(id)
  }
  const publish = () => show([...known.values()].sort(order))
  const onchange = (events: Y.YEvent<Y.AbstractType<unknown>>[]) => {
    const ids = new Set<string>()
    for (const event of events) {
      if (event.target === (root as unknown)) for (const id of (event as Y.YMapEvent<unknown>).keysChanged) ids.add(id)
      else if (!(event.target instanceof Y.Text && event.path.length === 2)) ids.add(String(event.path[0]))
    }
    if (!ids.size) return
    for (const id of ids) take(id)
    publish()
  }
  for (const id of root.keys()) take(id)
  publish()
  root.observeDeep(onchange)
  return () => root.unobserveDeep(onchange)
}

export interface Views { pages: Page[]; suggestions: Suggestion[]; threads: Thread[]; chat: Message[]; title: string }

/** Calls `show` with each view at once and again whenever it changes. The answer stops it. */
export function watch(doc: Y.Doc, show: <K extends keyof Views>(name: K, value: Views[K]) => void): () => void {
  const meta = doc.getMap('meta')
  const chat = doc.getArray<Raw>('chat')
  const messages = new WeakMap<Raw, Message>()
  const showTitle = () => show('title', str(meta, 'title'))
  const showChat = () =>
    show('chat', chat.toArray().filter((map) => map instanceof Y.Map).map((map) => {
      const message = messages.get(map) ?? readMessage(map)
      messages.set(map, message)
      return message
    }))
  const onchat = (events: Y.YEvent<Y.AbstractType<unknown>>[]) => {
    for (const event of events) {
      const map = typeof event.path[0] === 'number' ? chat.get(event.path[0]) : undefined
      if (map) messages.delete(map)
    }
    showChat()
  }
  meta.observe(showTitle)
  chat.observeDeep(onchat)
  showTitle()
  showChat()
  const stops = [
    watchMap(doc.getMap<Raw>('pages'), readPage, byOrder, (value) => show('pages', value)),
    watchMap(doc.getMap<Raw>('suggestions'), readSuggestion, byTime, (value) => show('suggestions', value)),
    watchMap(doc.getMap<Raw>('threads'), readThread, byTime, (value) => show('threads', value)),
    () => meta.unobserve(showTitle),
    () => chat.unobserveDeep(onchat),
  ]
  return () => stops.forEach((stop) => stop())
}

const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:[’'\-.,][\p{L}\p{N}]+)*/gu

/** The words of a text whose lines were mostly counted before, and the counts of its lines for the next time. */
export function countLines(text: string, before: ReadonlyMap<string, number>): { words: number; lines: Map<string, number> } {
  const lines = new Map<string, number>()
  let words = 0
  for (const line of text.split('\n')) {
    const count = lines.get(line) ?? before.get(line) ?? countWords(line)
    lines.set(line, count)
    words += count
  }
  return { words, lines }
}

/** Words as a writer counts them; a Chinese or Japanese sign counts as one. */
export function countWords(text: string): number {
  let count = 0
  WORD.lastIndex = 0
  while (WORD.test(text)) count++
  return count
}

/** What waits, as the studio tells it, and what can be said of an item without asking anybody. */
import type { Kind as WhoKind, Role } from '../api'
import { wordEdits } from '../review/diff'
import type { Card } from '../runs/steps'
import { asked, openCards, type Spent, type WaitingTask } from '../tasks/tasks'
import { kindName } from '../tasks/words'

export type Kind = 'suggestion' | 'stale' | 'question' | 'run' | 'waits' | 'task' | 'audit'

export interface Author { id: string; name: string; kind: WhoKind; color: string }
export interface Evidence { text?: string; page?: string | null; title?: string; quote?: string; url?: string; found?: boolean }
export interface WaitingHunk {
  hunk: number
  before: string
  was: string
  now: string
  after: string
  /** Too long to be shown whole. */
  cut?: boolean
  proposed?: string
  amended_by?: string
  /** Where the text has changed: what stands there now, and where that is. */
  today?: string
  start?: unknown
  end?: unknown
  gone?: boolean
  /** Hunks of one number overlap. */
  group?: number
}
export interface Option {
  suggestion: string
  author: Author
  at: number
  reason: string
  evidence: Evidence[]
  skill: string
  model: string
  run: string
  kinds: string[]
  risk: string
  stale: boolean
  hunks: WaitingHunk[]
  more: number
  branch?: string
}
export interface Said { author: Author; at: number; text: string }
export interface Talk { id: string; quote: string; before: string; after: string; earlier: number; comments: Said[] }
export interface FailedRun {
  id: string
  agent: string
  skill: string
  model: string
  prompt: string
  error?: { message: string; hint?: string } | null
  /** What it asks before it goes on. */
  cards?: Card[]
}
export interface Item {
  id: string
  kind: Kind
  at: number
  canvas: { id: string; title: string; role: Role }
  page: string
  title: string
  code?: boolean
  score: number
  /** Why it stands where it does in the list. */
  why: string
  place: number
  /** Changes when there is something else to decide. */
  rev: string
  options?: Option[]
  left_out?: number
  thread?: Talk
  message?: Said
  run?: FailedRun
  task?: WaitingTask & { spent?: Spent; started?: number | null; finished?: number | null; made?: number }
  /** The task that made it. What one task made stands together: `lead` is the score and the time of the first of it. */
  of?: string
  lead?: [number, number]
  /** It is the line of a task before what it made. */
  group?: { left: number; kinds: Partial<Record<Kind, number>> }
  decision?: string
  policy?: { id: string; name: string }
}
export interface Waiting {
  items: Item[]
  next: string | null
  count: number
  kinds: Partial<Record<Kind, number>>
  canvases: { id: string; title: string; count: number }[]
}

export const keyOf = (item: Item): string => `${item.canvas.id}/${item.id}`
export const markOf = (item: Item): string => `${keyOf(item)}@${item.rev}`
export const decides = (item: Item): boolean => item.canvas.role === 'editor' || item.canvas.role === 'owner'
export const heads = (item: Item): boolean => item.group !== undefined
/** Whether it only names what stands below it, and nothing needs to be done about it itself. */
export const names = (item: Item): boolean => item.id.startsWith('g:')
/** What an agent said in the margin without asking anything. */
export const remark = (item: Item): boolean => item.kind === 'question' && item.of !== undefined && item.thread?.comments.length === 1
export const called = (title: string): string => title || 'Untitled'

/** Whose it is: the author of the change, whoever spoke last, or the agent that failed. */
export function authorOf(item: Item, choice = 0): Author {
  const option = item.options?.[choice]
  if (option) return option.author
  if (item.task) return { id: item.task.id, name: kindName(item.task.kind), kind: 'agent', color: '#9048fc' }
  const last = item.thread?.comments.at(-1) ?? item.message
  return last?.author ?? { id: item.run?.agent ?? '', name: titled(item.run?.agent ?? ''), kind: 'agent', color: '#9048fc' }
}

/** An agent by its id: "line-editor" is the Line editor. */
const titled = (id: string) => (id === 'co-author' || !id ? 'Co-author' : id.charAt(0).toUpperCase() + id.slice(1).replaceAll('-', ' '))

/** Whether all of a change can be read here, so that it can be put otherwise here. */
export const editable = (option: Option | undefined): boolean => option !== undefined && !option.more && !option.hunks.some(({ cut, gone }) => cut || gone)

const short = (text: string, length: number) => {
  const one = text.replace(/\s+/g, ' ').trim()
  return one.length > length ? `${one.slice(0, length - 1).trimEnd()}…` : one
}

/** The change in a line: what goes and what comes. */
export function gist(item: Item): { del: string; ins: string; text: string } {
  const hunk = item.options?.[0]?.hunks[0]
  if (hunk) {
    const [edit] = wordEdits(hunk.was, hunk.now)
    if (!edit) return { del: '', ins: '', text: short(hunk.now, 80) }
    // Whole words: a comma alone says nothing.
    const lead = edit.insert && edit.to - edit.from > 2 ? '' : (/\S*$/.exec(hunk.was.slice(0, edit.from))?.[0] ?? '')
    const rest = edit.insert && edit.to - edit.from > 2 ? '' : (/^\S*/.exec(hunk.was.slice(edit.to))?.[0] ?? '')
    return { del: short(lead + hunk.was.slice(edit.from, edit.to) + rest, 60), ins: short(lead + edit.insert + rest, 80), text: '' }
  }
  if (item.task) return { del: '', ins: '', text: short(asked(openCards(item.task)[0]) || (item.task.state === 'failed' ? item.task.problem?.message : item.task.outcome) || item.task.title, 110) }
  const said = item.thread?.comments.at(-1)?.text ?? item.message?.text ?? item.run?.cards?.[0]?.question ?? item.run?.error?.message ?? ''
  return { del: '', ins: '', text: short(said, 110) }
}

export const KINDS: Record<Kind, string> = { suggestion: 'Suggestions', stale: 'Out of date', question: 'Questions', run: 'Failed', waits: 'Agents that wait', task: 'Tasks', audit: 'To look at' }

/** Whether an item has all the words that somebody looks for. */
export function matches(item: Item, words: string): boolean {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  if (!wanted.length) return true
  const options = item.options?.flatMap(({ author, reason, skill, model, kinds, risk, hunks }) => [author.name, reason, skill, model, ...kinds, risk, ...hunks.flatMap(({ was, now }) => [was, now])]) ?? []
  const talk = [...(item.thread?.comments ?? []), ...(item.message ? [item.message] : [])].flatMap(({ author, text }) => [author.name, text])
  const all = [item.canvas.title, item.title, item.why, KINDS[item.kind], ...options, ...talk, item.run?.prompt ?? '', item.task?.title ?? '', item.task?.outcome ?? ''].join('\n').toLowerCase()
  return wanted.every((word) => all.includes(word))
}

/** What each of those that overlap would have, when their words cannot be put together. */
export interface Clash { was: string; texts: { name: string; text: string }[] }

export interface Group { id: string; title: string; items: Item[] }

/** By canvas, those with the most urgent item first, and inside in the order of the text. */
export function byCanvas(items: readonly Item[]): Group[] {
  const groups = new Map<string, Group>()
  for (const item of items) {
    const group = groups.get(item.canvas.id) ?? { id: item.canvas.id, title: item.canvas.title, items: [] }
    group.items.push(item)
    groups.set(item.canvas.id, group)
  }
  const places = new Map(items.filter(heads).map((item) => [item.of, item.place]))
  const placed = (item: Item) => places.get(item.of) ?? item.place
  for (const group of groups.values()) {
    group.items.sort((a, b) => Number(a.kind === 'run') - Number(b.kind === 'run') || placed(a) - placed(b) || compared(a.of ?? '', b.of ?? '') || Number(heads(b)) - Number(heads(a)) || a.place - b.place)
  }
  return [...groups.values()]
}

const compared = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** As the studio orders them: what needs somebody most first, and what one task made together, behind its line. */
export function inOrder(a: Item, b: Item): number {
  const [[score, at], [other, since]] = [a, b].map((item) => item.lead ?? [item.score, item.at]) as [[number, number], [number, number]]
  return other - score || at - since || compared(a.canvas.id, b.canvas.id) || compared(a.of ?? a.id, b.of ?? b.id)
    || Number(heads(b)) - Number(heads(a)) || b.score - a.score || a.at - b.at || compared(a.id, b.id)
}

/** What changed around a result of a task since it began. */
export interface Meanwhile { page: string; was: string; now: string; by: string[]; at: number; rests?: boolean; cut?: boolean }
export interface Around { item: string; state: 'as_read' | 'earlier' | 'changed' | 'stale'; changes: Meanwhile[] }
export interface TaskResults {
  made: { page: string; title: string; new: number; suggestions: number; comments: number; open: number }[]
  items: Around[]
  participants: Record<string, { name: string }>
}

/** The hunks of other suggestions that cannot be taken as well when this one is. */
export function rivals(item: Item, choice: number): { suggestion: string; hunks: number[] }[] {
  const mine = new Set(item.options?.[choice]?.hunks.map(({ group }) => group).filter((group) => group !== undefined))
  return (item.options ?? []).flatMap(({ suggestion, hunks }, at) => {
    const over = at === choice ? [] : hunks.filter(({ group }) => group !== undefined && mine.has(group)).map(({ hunk }) => hunk)
    return over.length ? [{ suggestion, hunks: over }] : []
  })
}

/** What overlaps, to be taken together. */
export function takes(item: Item): { suggestion: string; hunk: number }[] {
  return (item.options ?? []).flatMap(({ suggestion, hunks }) => hunks.filter(({ group }) => group !== undefined).map(({ hunk }) => ({ suggestion, hunk })))
}

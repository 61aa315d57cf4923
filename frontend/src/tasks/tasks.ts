/** What tasks are, as the studio tells it, and what can be said of them without asking anybody. */
import type { Role } from '../api'
import { lasting, moneyOf, thousands } from './words'

export type TaskState = 'queued' | 'running' | 'paused' | 'waiting' | 'done' | 'failed' | 'cancelled'
export type StepState = 'coming' | 'running' | 'waiting' | 'done' | 'failed' | 'skipped'
export interface Said { by: { id: string; name: string }; text: string; at: number }
export interface Problem { code?: string; message: string; hint?: string }

export interface TaskStep {
  id: string
  /** The way in which it is done. */
  do: string
  title: string
  given: Record<string, unknown>
  state: StepState
  /** One line about what came of it. */
  note: string
  error: Problem | null
  runs: string[]
  done: number
  of: number
  tries: number
  /** What it has used so far. */
  tokens?: number
  cost?: number
  started: number | null
  finished: number | null
  by: string
}

/** What it asks of people: a question, or whether it may do something. */
export interface TaskCard {
  id: string
  kind: 'question' | 'approval'
  question: string
  choices?: string[]
  step?: string
  run?: string
  tool?: string
  title?: string
  detail?: { will?: string; arguments?: Record<string, unknown>; host?: string; warnings?: string[]; grant?: string }
  answer?: string
  by?: string
  name?: string
  text?: string
}

export interface Found { text: string; source?: string; url?: string; dropped?: boolean }
export interface Budget { tokens: number | null; seconds: number | null; money: number | null }
export interface Spent { requests: number; input: number; output: number; seconds: number; cost: number; cost_known: boolean }

export interface Task {
  id: string
  canvas: string
  kind: string
  title: string
  by: { id: string; name: string; role?: Role }
  inputs: Record<string, unknown>
  plan: TaskStep[]
  made: number
  model: string | null
  state: TaskState
  priority: number
  budget: Budget
  spent: Spent
  schedule: string | null
  parent: string | null
  /** The tasks that it began. */
  children?: { id: string; title: string; kind: string; state: TaskState }[]
  pausing?: boolean
  /** How often it has changed: what comes late shows nothing older than what is there. */
  revision?: number
  started: number | null
  finished: number | null
  problem: Problem | null
  said: Said[]
  cards: TaskCard[]
  results: { type: string; id: string }[]
  found: Found[]
  notes: string[]
  outcome: string
  progress: { done: number; of: number }
  /** Seconds that are left, as far as one can say. */
  expects: number | null
  /** The step that is under way, waits or comes next. */
  step: string | null
  waits: number
}

/** What the inbox knows of a task: what it asks, or what it came to. */
export type WaitingTask = Pick<Task, 'id' | 'kind' | 'title' | 'state' | 'outcome' | 'problem' | 'results' | 'cards' | 'by'> & { notes?: string[] | null }

export type InputKind = 'text' | 'number' | 'choice' | 'page' | 'pages' | 'agent' | 'source' | 'toggle'
export interface KindInput {
  name: string
  label: string
  kind: InputKind
  default: unknown
  help: string
  choices?: string[]
  required?: boolean
}
export interface TaskKind {
  id: string
  name: string
  description: string
  /** What it is for, in more words. */
  about?: string
  inputs: KindInput[]
  agents: string[]
  steps: { id: string; do: string; title: string }[]
  /** What its steps reach beside what they suggest: web, files, code, agents, pages, talk. */
  reaches?: string[]
  own: boolean
  problem?: string | null
}
export interface KindProblem { file: string; message: string; hint?: string; line?: number }

export interface Schedule {
  id: string
  canvas: string
  kind: string
  title: string
  inputs: Record<string, unknown>
  model: string | null
  words: string
  rule: string
  zone: string
  /** The rule in plain words. */
  sentence: string
  state: 'on' | 'paused' | 'over'
  /** When it begins the next time, and the times after that, in seconds since 1970. */
  next: number | null
  coming: number[]
  /** When it last began a task, and which. */
  last: number | null
  task: string | null
  skip_if_unchanged: boolean
  /** The most that each of its tasks may use; null: what is usual. */
  budget?: Budget | null
  priority?: number
  by: { id: string; name: string; role?: Role }
  /** What people should know of it: times that were left out, why it rests. */
  notes: { at: number; text: string }[]
  history?: Task[]
}
/** What words about a time were understood as; `taken`: what was taken for granted. */
export interface Reading { rule: string; zone: string; sentence: string; next: number[]; text: string; taken: string[] }

export const ENDED: ReadonlySet<TaskState> = new Set(['done', 'failed', 'cancelled'])
export const over = ({ state }: Pick<Task, 'state'>): boolean => ENDED.has(state)
export const openCards = (task: Pick<Task, 'cards'>): TaskCard[] => task.cards.filter(({ answer }) => answer === undefined)
/** Whether it waits for people; otherwise it waits for tasks that it has begun. */
export const asking = (task: Pick<Task, 'state' | 'cards'>): boolean => task.state === 'waiting' && openCards(task).length > 0
/** A step that people may still move, change and take out. */
export const coming = (task: Pick<Task, 'plan'>): TaskStep[] => task.plan.filter(({ state }) => state === 'coming')
export const current = (task: Task): TaskStep | undefined =>
  task.plan.find(({ id }) => id === task.step) ?? task.plan.find(({ state }) => state === 'running' || state === 'waiting')

const RANK: Record<Role, number> = { viewer: 0, commenter: 1, editor: 2, owner: 3 }
const atLeast = (role: Role | undefined, needed: Role) => role !== undefined && RANK[role] >= RANK[needed]

/** What this person may do with a task. What a plan says is done with the rights of whoever wants it, so nobody with less may change it. */
export function rights({ by }: Pick<Task, 'by'>, role: Role | undefined, me: string): { steer: boolean; allow: boolean; end: boolean; plan: boolean } {
  const steer = atLeast(role, 'commenter')
  const own = by.id === me
  return { steer, allow: atLeast(role, 'editor'), end: steer && (own || atLeast(role, 'editor')), plan: steer && (own || atLeast(role, by.role ?? 'owner')) }
}

export interface Groups { needs: Task[]; running: Task[]; queued: Task[]; paused: Task[]; done: Task[] }
const FRESH = 3 * 86_400

/** The board: what needs somebody first, then what moves, then what rests, then what is over. */
export function grouped(tasks: readonly Task[], me: string, now: number): Groups {
  const groups: Groups = { needs: [], running: [], queued: [], paused: [], done: [] }
  for (const task of tasks) {
    if (asking(task) || (task.state === 'failed' && task.by.id === me && now - (task.finished ?? task.made) < FRESH)) groups.needs.push(task)
    else if (task.state === 'running' || task.state === 'waiting') groups.running.push(task)
    else if (task.state === 'queued') groups.queued.push(task)
    else if (task.state === 'paused') groups.paused.push(task)
    else groups.done.push(task)
  }
  const began = (a: Task, b: Task) => (b.started ?? b.made) - (a.started ?? a.made)
  // My own first, and those that ask before those that broke.
  groups.needs.sort((a, b) => Number(b.by.id === me) - Number(a.by.id === me) || Number(a.state === 'failed') - Number(b.state === 'failed') || began(a, b))
  groups.running.sort(began)
  groups.queued.sort((a, b) => b.priority - a.priority || a.made - b.made)
  groups.paused.sort(began)
  groups.done.sort((a, b) => (b.finished ?? b.made) - (a.finished ?? a.made))
  return groups
}

/** What a card asks, in one plain line: what it wants to do, or the question's first paragraph. */
export function asked(card: TaskCard | undefined): string {
  const [first = ''] = ((card?.kind === 'approval' && card.title) || card?.question || '').trim().split(/\n\s*\n/)
  return first.replace(/[*_`]+/g, '').replace(/^\s*(?:#+|>|[-•]|\d+[.)])\s+/gm, '').replace(/\s+/g, ' ').trim()
}

/** What a task has come to, or is at, in one line. */
export function gist(task: Task): string {
  if (task.state === 'done') return task.outcome || 'Done.'
  if (task.state === 'failed') return task.problem?.message || 'It could not go on.'
  if (task.state === 'cancelled') return task.outcome || (task.results.length ? 'Stopped. What it had made is still there.' : 'Stopped.')
  if (task.state === 'waiting') return asked(openCards(task)[0]) || 'Waits for the tasks that it has begun.'
  const step = current(task)
  if (task.state === 'queued') return task.started ? 'In line to go on.' : 'In line to begin.'
  if (task.state === 'paused') return step ? `Paused before: ${step.title}` : 'Paused.'
  return step ? (step.of > 1 ? `${step.title} (${Math.min(step.done + 1, step.of)} of ${step.of})` : step.title) : 'At work.'
}

/** What it found that still counts, the newest first. */
export const foundNow = (task: Pick<Task, 'found'>): (Found & { at: number })[] =>
  task.found.map((one, at) => ({ ...one, at })).filter(({ dropped }) => !dropped).reverse()

/** The share that is done, from 0 to 1; steps with parts count by their parts. */
export function share(task: Task): number {
  const { done, of } = task.progress
  if (task.state === 'done') return 1
  const step = current(task)
  const part = step && step.of > 0 && step.state !== 'done' ? Math.min(1, step.done / step.of) : 0
  return of ? Math.min(1, (done + part) / of) : 0
}

/** What a schedule's tasks may use, where that is not what is usual, in a few words. */
export function limitsOf({ budget, priority = 0 }: { budget?: Budget | null; priority?: number }): string {
  const limits = budget ? [
    budget.money === null ? 'any cost' : budget.money === 5 ? '' : moneyOf(budget.money),
    budget.seconds === null ? 'any time' : budget.seconds === 21_600 ? '' : lasting(budget.seconds),
    budget.tokens === null ? 'any number of tokens' : budget.tokens === 2_000_000 ? '' : `${thousands(budget.tokens)} tokens`,
  ].filter(Boolean) : []
  const turn = priority > 0 ? 'goes before others' : priority < 0 ? 'lets others go first' : ''
  return [limits.length ? `at most ${limits.join(', ')} each time` : '', turn].filter(Boolean).join(', ')
}

/** How much of what it may use it has used: the tightest of its limits, from 0 to 1; undefined without any. */
export function used({ budget, spent }: Pick<Task, 'budget' | 'spent'>): number | undefined {
  const shares = [
    budget.tokens ? (spent.input + spent.output) / budget.tokens : undefined,
    budget.seconds ? spent.seconds / budget.seconds : undefined,
    budget.money && spent.cost_known ? spent.cost / budget.money : undefined,
  ].filter((one) => one !== undefined)
  return shares.length ? Math.min(1, Math.max(...shares)) : undefined
}

/** What earlier ones of a kind took, in a sentence; '' where there were none. */
export function past(kind: string, tasks: readonly Task[]): string {
  const done = tasks.filter((task) => task.kind === kind && task.state === 'done' && task.spent.requests > 0).slice(0, 5)
  if (!done.length) return ''
  const span = (values: number[], say: (value: number) => string) => {
    const [least, most] = [say(Math.min(...values)), say(Math.max(...values))]
    return least === most ? least : `${least} to ${most}`
  }
  const took = span(done.map(({ spent }) => spent.seconds), (seconds) => (seconds < 90 ? 'a minute' : `${Math.round(seconds / 60)} minutes`))
  const priced = done.filter(({ spent }) => spent.cost_known)
  const cost = priced.length === done.length && priced.some(({ spent }) => spent.cost > 0) ? ` and cost ${span(priced.map(({ spent }) => spent.cost), moneyOf)}` : ''
  return `${done.length === 1 ? 'The last one' : `The last ${done.length}`} took ${took}${cost}.`
}

// -- the form

/** Where an input's value stands in a title of a kind. */
const PLACE = /\{([a-z][a-z0-9_]*)\}/g

/** A step's title with what was filled in, or with the name of what is asked for. */
export function filled(title: string, kind: TaskKind, values: Readonly<Record<string, unknown>>, titles: ReadonlyMap<string, string> = new Map()): string {
  return title.replace(PLACE, (_, name: string) => {
    if (name === 'each') return 'each page'
    const input = kind.inputs.find((one) => one.name === name)
    const value = values[name]
    if (Array.isArray(value)) return value.length ? value.map((one) => titles.get(String(one)) ?? String(one)).join(', ') : 'all pages'
    if (typeof value === 'string' && value.trim()) return titles.get(value) ?? value.trim()
    if (typeof value === 'number') return String(value)
    return input ? input.label.charAt(0).toLowerCase() + input.label.slice(1) : '…'
  })
}

export interface Here { page?: string; pages: readonly { id: string }[]; agents: readonly { id: string }[] }

/** What a form shows at first: what was filled in before, the defaults, and the page that somebody is at. */
export function blank(kind: TaskKind, here: Here, given: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const input of kind.inputs) {
    const value = given[input.name] ?? input.default
    switch (input.kind) {
      case 'toggle':
        values[input.name] = value === true || value === 'yes' || value === 'true'
        break
      case 'page':
        values[input.name] = here.pages.some(({ id }) => id === value) ? value : input.required === false ? '' : (here.page || here.pages[0]?.id || '')
        break
      case 'pages':
        values[input.name] = Array.isArray(value) ? value.filter((id) => here.pages.some((page) => page.id === id)) : []
        break
      case 'choice':
        values[input.name] = input.choices?.includes(String(value)) ? value : (input.choices?.[0] ?? '')
        break
      case 'agent':
        values[input.name] = typeof value === 'string' ? value : ''
        break
      case 'number':
        values[input.name] = typeof value === 'number' ? value : (value ?? '')
        break
      default:
        values[input.name] = typeof value === 'string' ? value : ''
    }
  }
  return values
}

/** The first input that still has to be filled in. */
export function missing(kind: TaskKind, values: Readonly<Record<string, unknown>>): KindInput | undefined {
  return kind.inputs.find(({ name, kind: sort, required }) => required !== false && sort !== 'toggle' && sort !== 'pages' && (values[name] === '' || values[name] === undefined || values[name] === null))
}

/** What is sent: without what was left empty, so that the kind's own defaults count. */
export function sent(kind: TaskKind, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const inputs: Record<string, unknown> = {}
  for (const { name, kind: sort } of kind.inputs) {
    const value = values[name]
    if (sort === 'pages' && Array.isArray(value) && !value.length) continue
    if (value === '' || value === undefined || value === null) continue
    inputs[name] = typeof value === 'string' ? value.trim() : value
  }
  return inputs
}

// -- the plan

export interface WantedStep { id?: string; do: string; title: string; given: Record<string, unknown> }
export const wanted = ({ id, do: how, title, given }: TaskStep): WantedStep => ({ id, do: how, title, given })

/** What of a step is its place in the program rather than words of somebody. */
const INNER = new Set(['page', 'pages', 'agent', 'agents', 'part', 'parts', 'file', 'model', 'each', 'key', 'depth', 'round'])

/** The words of a step that people may change: what it is told, what it looks for, how many. */
export const words = (given: Readonly<Record<string, unknown>>): [string, string | number][] =>
  Object.entries(given).filter((entry): entry is [string, string | number] => !INNER.has(entry[0]) && (typeof entry[1] === 'string' || typeof entry[1] === 'number'))

/** A step with other words. A title that says them says the new ones. */
export function reworded<Words extends WantedStep>(step: Words, name: string, value: string | number): Words {
  const before = step.given[name]
  const said = typeof before === 'string' && before.trim().length > 2 && typeof value === 'string' && value.trim() && step.title.includes(before.trim())
  return { ...step, given: { ...step.given, [name]: value }, title: said ? step.title.replace(before.trim(), value.trim()) : step.title }
}

/** What can be put into a plan: a step for an agent, a question to people, and others like those that are there. */
export function patterns(task: Pick<Task, 'plan'>): { says: string; step: WantedStep }[] {
  const seen = new Map<string, WantedStep>()
  for (const step of task.plan) if (words(step.given).length) seen.set(step.do, wanted(step))
  const like = [...seen.values()].filter(({ do: how }) => how !== 'ask_agent' && how !== 'ask_people')
  return [
    { says: 'An agent does something', step: { do: 'ask_agent', title: '', given: { instructions: '' } } },
    { says: 'You are asked something', step: { do: 'ask_people', title: '', given: { question: '' } } },
    ...like.map(({ do: how, title, given }) => ({ says: `Like “${title.length > 60 ? `${title.slice(0, 59)}…` : title}”`, step: { do: how, title, given } })),
  ]
}

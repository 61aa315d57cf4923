/** Rounds of one open canvas: several agents at one thing, one after the other. Kept true by the studio's events. */
import { send } from '../api'
import { announce, fail } from '../notices.svelte'
import { Remembered } from '../remembered.svelte'
import type { Session } from '../session.svelte'

export type Do = 'draft' | 'alternative' | 'critique' | 'revise' | 'polish' | 'check' | 'other'
export interface Turn { agent: string; do: Do; instruction: string }
export type TurnState = 'coming' | 'running' | 'done' | 'failed' | 'stopped' | 'dropped'
export interface RoundTurn extends Turn {
  id: string
  state: TurnState
  run: string
  results: { type: string; id: string }[]
  error: { message: string } | null
  note: string
  waiting?: boolean
}
export interface Round {
  id: string
  name: string
  prompt: string
  place: { page?: string; quote?: string; before?: string; after?: string; start?: unknown; end?: unknown }
  by: { id: string; name: string }
  state: 'running' | 'paused' | 'done' | 'stopped'
  started: number
  finished?: number | null
  turns: RoundTurn[]
  said: { by: { name: string }; text: string }[]
  suggestions: string[]
  problem: string | null
}
export interface Recipe { id: string; name: string; description: string; turns: Turn[] }

/** What a turn does, as a person reads it. */
export const DOES: Record<Do, string> = {
  draft: 'Draft', alternative: 'Draft another version', critique: 'Comment on the draft', revise: 'Revise', polish: 'Edit line by line', check: 'Check the facts', other: 'Something else',
}
/** The same of somebody: "Critic comments on the draft". */
export const DOING: Record<Do, string> = {
  draft: 'drafts', alternative: 'drafts another version', critique: 'comments on the draft', revise: 'revises', polish: 'edits line by line', check: 'checks the facts', other: 'takes a turn',
}
export const IS: Record<TurnState, string> = { coming: 'to come', running: 'at work', done: 'done', failed: 'did not work', stopped: 'stopped', dropped: 'left out' }
const OVER = new Set(['done', 'stopped'])
const DAY = 86_400
const MOST_AWAY = 60
const TRY_AGAIN = 5000

export const over = ({ state }: Round): boolean => OVER.has(state)
/** The turn that is under way, or the next one. */
export const now = ({ turns }: Round): RoundTurn | undefined => turns.find(({ state }) => state === 'running') ?? turns.find(({ state }) => state === 'coming')

/** What the turns that are over would have people know, each sentence once: what a small model cannot do, which limit was met. */
export const notes = ({ turns }: Round): string[] => [
  ...new Set(turns.filter(({ state }) => state === 'done').flatMap(({ note }) => note.split(/(?<=[.!?])\s+(?=[\p{Lu}“])/u)).filter(Boolean)),
]

/** A list with one of its members moved by a step; the same list where that cannot be. */
export function moved<T>(list: readonly T[], at: number, by: 1 | -1): T[] {
  const to = at + by
  if (!list[at] || !list[to]) return [...list]
  const copy = [...list]
  ;[copy[at], copy[to]] = [copy[to]!, copy[at]!]
  return copy
}

/** Of rounds that had ended before the page was opened, the one that is still of use: it waits for decisions, or was stopped today. */
export function ofUse(rounds: readonly Round[], undecided: ReadonlySet<string>, at: number): Round | undefined {
  const [newest] = [...rounds].sort((a, b) => b.started - a.started)
  if (!newest) return undefined
  return newest.suggestions.some((id) => undecided.has(id)) || (newest.state === 'stopped' && at - (newest.finished ?? 0) < DAY) ? newest : undefined
}

export class Rounds {
  /** The newest first. */
  all = $state.raw<Round[]>([])
  /** One that is to be begun again, for the dialog. */
  again = $state.raw<Round | null>(null)
  /** Those that a person put away, after they had ended; this browser remembers. */
  readonly #away = new Remembered<string>('rounds-away', '')
  readonly #sources = new Map<string, EventSource>()
  readonly #seen = new Set<string>()
  /** Those that had ended when this page was opened. */
  #past = $state.raw<ReadonlySet<string>>(new Set())
  #later: ReturnType<typeof setTimeout> | undefined

  constructor(readonly session: Session) {
    void this.load(true)
    // Somebody else's round is seen by the agents that work in it.
    session.awareness.on('change', () => {
      for (const state of session.awareness.getStates().values()) {
        const parent: unknown = state['parent']
        if (typeof parent === 'string' && !this.#seen.has(parent)) {
          this.#seen.add(parent)
          void this.load()
        }
      }
    })
    session.doc.on('destroy', () => {
      clearTimeout(this.#later)
      for (const source of this.#sources.values()) source.close()
    })
  }

  /** What of its suggestions nobody has decided. */
  waits(round: Round): boolean {
    return round.suggestions.some((id) => this.#undecided.has(id))
  }

  get shown(): Round[] {
    const away = new Set(this.#away.value.split(' '))
    const old = ofUse(this.all, this.#undecided, Date.now() / 1000)
    return this.all.filter((round) => !away.has(round.id) && (!this.#past.has(round.id) || round === old))
  }

  get #undecided(): ReadonlySet<string> {
    return new Set(this.session.suggestions.filter(({ status }) => status === 'open' || status === 'partly_accepted').map(({ id }) => id))
  }

  async load(first = false): Promise<void> {
    try {
      const { rounds } = await send<{ rounds: Round[] }>('GET', `/api/canvases/${encodeURIComponent(this.session.id)}/rounds`)
      for (const round of rounds) {
        this.#seen.add(round.id)
        if (!over(round)) this.follow(round)
        else if (first) this.#past = new Set([...this.#past, round.id])
        this.#note(round)
      }
    } catch {
      // Without them everything else still works; the next agent at work asks again.
    }
  }

  recipes = async (): Promise<Recipe[]> => (await send<{ recipes: Recipe[] }>('GET', '/api/recipes')).recipes

  async begin(round: Record<string, unknown>): Promise<boolean> {
    const begun = await this.#try(() => send<Round>('POST', `/api/canvases/${encodeURIComponent(this.session.id)}/rounds`, { body: round, headers: { 'Idempotency-Key': crypto.randomUUID() } }))
    if (begun) {
      this.#seen.add(begun.id)
      this.follow(begun)
      announce(`The round “${begun.name}” has begun.`)
    }
    return begun !== null
  }

  pause = (round: Round) => this.#do(round, 'pause')
  resume = (round: Round) => this.#do(round, 'resume')
  stop = (round: Round) => this.#do(round, 'stop')
  say = (round: Round, text: string) => this.#do(round, 'say', { text })
  arrange = async (round: Round, turns: readonly (Turn & { id?: string })[]): Promise<boolean> => {
    const body = { turns: turns.map(({ id, agent, do: what, instruction }) => ({ ...(id ? { id } : {}), agent, do: what, instruction })) }
    const changed = await this.#try(() => send<Round>('PATCH', `/api/rounds/${round.id}/turns`, { body }))
    if (changed) this.#note(changed)
    return changed !== null
  }
  putAway(round: Round): void {
    this.#away.value = [round.id, ...this.#away.value.split(' ').filter((id) => id && id !== round.id)].slice(0, MOST_AWAY).join(' ')
  }

  /** Shows on the page what came of a turn. */
  show(turn: RoundTurn): void {
    const { suggestions, threads } = this.session
    const found = turn.results.map(({ id }) => id)
    const about = threads.find(({ id }) => found.includes(id))
    const suggestion = suggestions.find(({ id }) => found.includes(id) || id === about?.about)
    const place = suggestion?.hunks[0] ?? about
    const page = suggestion?.page ?? about?.page
    if (place && page) this.session.show({ page, quote: place.quote, before: place.before, after: place.after, start: place.start, end: place.end })
  }

  follow(round: Round): void {
    this.#note(round)
    if (this.#sources.has(round.id) || typeof EventSource === 'undefined') return
    const source = new EventSource(`/api/rounds/${round.id}/events`)
    this.#sources.set(round.id, source)
    const end = () => {
      source.close()
      this.#sources.delete(round.id)
    }
    // The browser comes back by itself when a line breaks, and not when whatever stands between says that there is no studio.
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return
      end()
      this.#later ??= setTimeout(() => {
        this.#later = undefined
        void this.load()
      }, TRY_AGAIN)
    }
    source.addEventListener('round', (event) => this.#note((JSON.parse(String(event.data)) as { round: Round }).round))
    source.addEventListener('done', () => {
      end()
      const last = this.all.find(({ id }) => id === round.id)
      if (last?.by.id === this.session.me.id) announce(last.state === 'done' ? `The round “${last.name}” is done. Now you decide.` : `The round “${last.name}” was stopped.`)
    })
  }

  #note(round: Round): void {
    for (const { state, run } of round.turns) if (state === 'running' && run) this.session.work.follow(run)
    const known = this.all.some(({ id }) => id === round.id)
    this.all = known ? this.all.map((old) => (old.id === round.id ? round : old)) : [round, ...this.all].sort((a, b) => b.started - a.started)
  }

  async #do(round: Round, what: string, body: Record<string, unknown> = {}): Promise<boolean> {
    const changed = await this.#try(() => send<Round>('POST', `/api/rounds/${round.id}/${what}`, { body }))
    if (changed) this.#note(changed)
    return changed !== null
  }

  async #try<T>(run: () => Promise<T>): Promise<T | null> {
    try {
      return await run()
    } catch (error) {
      fail(error)
      return null
    }
  }
}

const known = new WeakMap<Session, Rounds>()

export function roundsOf(session: Session): Rounds {
  let found = known.get(session)
  if (!found) known.set(session, (found = new Rounds(session)))
  return found
}

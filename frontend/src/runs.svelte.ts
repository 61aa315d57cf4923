import { ApiError, api, type Run } from './api'
import { announce, fail, toast } from './notices.svelte'
import { type Card, type PlanItem, type Step, withStep } from './runs/steps'

const FINAL = new Set(['done', 'failed', 'stopped'])

/** What agents are doing on one canvas, each run kept true until it ends. */
export class Runs {
  all = $state.raw<Run[]>([])
  /** The steps of each run that is followed. */
  steps = $state.raw<Readonly<Record<string, Step[]>>>({})
  readonly active: Run[] = $derived(this.all.filter((run) => !FINAL.has(run.state)))
  readonly #followed = new Map<string, () => void>()
  /** Those whose state comes as events, in order; an answer to a question may be older than they are. */
  readonly #told = new Set<string>()

  /** `me` is who is told how their own runs end. */
  constructor(readonly me: () => string) {}

  /** Follows what was under way when the canvas was opened. */
  async takeUp(canvas: string): Promise<void> {
    const { runs } = await api.runsOf(canvas).catch(() => ({ runs: [] as Run[] }))
    for (const run of runs) if (!FINAL.has(run.state)) this.begin(run)
  }

  begin(run: Run): void {
    this.#note(run)
    this.follow(run.id)
  }

  /** Keeps `all` true about one run: by its events, or by asking again and again where they cannot be had. */
  follow(id: string): void {
    if (this.#followed.has(id)) return
    let source: EventSource | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    this.#followed.set(id, () => {
      source?.close()
      clearTimeout(timer)
    })
    const look = async (): Promise<boolean> => {
      const run = await api.run(id)
      this.#note(run)
      if (FINAL.has(run.state)) this.#ended(run)
      return FINAL.has(run.state)
    }
    const ask = async (): Promise<void> => {
      source?.close()
      const over = await look().catch((error: unknown) => error instanceof ApiError && error.status >= 400 && error.status < 500)
      if (!over) timer = setTimeout(ask, 2000)
    }
    if (typeof EventSource === 'undefined') {
      void ask()
      return
    }
    // Which skill it took to be meant is known once it has begun.
    api.run(id).then((run) => this.#note(run), () => undefined)
    source = new EventSource(api.runEventsUrl(id))
    source.addEventListener('state', (event) => {
      const { state } = JSON.parse(String(event.data)) as Pick<Run, 'state'>
      this.#told.add(id)
      const known = this.all.find((run) => run.id === id)
      // How it ended is asked for, because only the whole run says what came of it.
      if (known && !FINAL.has(state)) this.#change(id, { state })
      if (state === 'waiting') void look().catch(() => undefined)
    })
    source.addEventListener('step', (event) => {
      const { step } = JSON.parse(String(event.data)) as { step: Step }
      this.steps = { ...this.steps, [id]: withStep(this.steps[id] ?? [], step) }
    })
    source.addEventListener('plan', (event) => this.#change(id, JSON.parse(String(event.data)) as { plan: PlanItem[] }))
    source.addEventListener('cards', (event) => {
      const { cards } = JSON.parse(String(event.data)) as { cards: Card[] }
      this.#change(id, { cards })
      const mine = this.all.find((run) => run.id === id)?.by?.id === this.me()
      if (cards.length && mine) announce(`The agent asks: ${cards[0]!.question}`)
    })
    source.addEventListener('done', ask)
    source.onerror = () => void ask()
  }

  /** Reads the steps of a run that was not followed while it worked. */
  async read(id: string): Promise<void> {
    try {
      const { steps } = await api.steps(id)
      this.steps = { ...this.steps, [id]: steps.reduce(withStep, this.steps[id] ?? []) }
    } catch (error) {
      fail(error)
    }
  }

  async steer(id: string, text: string): Promise<boolean> {
    try {
      await api.steer(id, text)
      announce('The agent takes it up with its next step.')
      return true
    } catch (error) {
      fail(error)
      return false
    }
  }

  async guide(id: string, what: 'pause' | 'resume' | 'take-over'): Promise<void> {
    try {
      this.#note(await api.guide(id, what))
      if (what === 'pause') announce('It pauses before its next step.')
      if (what === 'take-over') toast('It has stopped, and says in the conversation how far it came.')
    } catch (error) {
      fail(error)
    }
  }

  async stop(id: string): Promise<void> {
    try {
      await api.stopRun(id)
      this.#note(await api.run(id))
    } catch (error) {
      fail(error)
    }
  }

  close(): void {
    for (const end of this.#followed.values()) end()
  }

  #change(id: string, change: Partial<Run>): void {
    this.all = this.all.map((run) => (run.id === id ? { ...run, ...change } : run))
  }

  #note(run: Run): void {
    const old = this.all.find((known) => known.id === run.id)
    const stays = old && !FINAL.has(run.state) && (FINAL.has(old.state) || this.#told.has(run.id))
    const state = stays ? old.state : run.state
    this.all = old ? this.all.map((known) => (known === old ? { ...old, ...run, state } : known)) : [...this.all, run]
  }

  #ended(run: Run): void {
    if (run.by && run.by.id !== this.me()) return
    if (run.state === 'failed') fail(run.error ?? { message: 'The agent could not finish.', hint: 'Ask again.' })
    else if (run.state === 'stopped') announce('Stopped.')
    else {
      const made = (run.results ?? []).map(({ type }) => type)
      announce(made.length ? `The agent is done: ${tally(made)}.` : 'The agent is done and changed nothing.')
    }
  }
}

function tally(types: string[]): string {
  const say = (type: string, one: string, many: string) => {
    const n = types.filter((found) => found === type).length
    return n ? [n === 1 ? one : `${n} ${many}`] : []
  }
  return [...say('suggestion', 'one suggestion', 'suggestions'), ...say('thread', 'one comment', 'comments'), ...say('message', 'an answer', 'answers')].join(', ')
}

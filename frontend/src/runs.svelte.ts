import { ApiError, api, type Run, type RunState } from './api'
import { announce, fail } from './notices.svelte'

const FINAL = new Set(['done', 'failed', 'stopped'])
const STAGE: Record<RunState, number> = { queued: 0, running: 1, done: 2, failed: 2, stopped: 2 }

/** What agents are doing on one canvas, each run kept true until it ends. */
export class Runs {
  all = $state.raw<Run[]>([])
  readonly active: Run[] = $derived(this.all.filter((run) => !FINAL.has(run.state)))
  readonly #followed = new Map<string, () => void>()

  /** `me` is who is told how their own runs end. */
  constructor(readonly me: () => string) {}

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
      const known = this.all.find((run) => run.id === id)
      // How it ended is asked for, because only the whole run says what came of it.
      if (known && !FINAL.has(state)) this.#note({ ...known, state })
    })
    source.addEventListener('done', ask)
    source.onerror = () => void ask()
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

  #note(run: Run): void {
    const old = this.all.find((known) => known.id === run.id)
    // Answers may overtake each other; a run never goes back.
    const state = old && STAGE[old.state] > STAGE[run.state] ? old.state : run.state
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

/** One task on the screen, kept true while it is looked at, and the hands that one can lay on it. */
import { ApiError } from '../api'
import { announce, fail } from '../notices.svelte'
import { type Card, type PlanItem, type Step, withStep } from '../runs/steps'
import { moved } from '../rounds/rounds.svelte'
import { type Reply, taskApi } from './http'
import { coming, over, type Task, type TaskStep, wanted, type WantedStep } from './tasks'

/** How long until it looks again where events cannot be had, in milliseconds. */
const AGAIN = 3000

/** What a run within a step tells. */
interface RunEvent { type: string; step?: Step; plan?: PlanItem[]; cards?: Card[]; state?: string }

export class Following {
  task = $state.raw<Task>()
  /** Why there is nothing to show. */
  lost = $state('')
  /** The steps of the runs within its steps, by run. */
  runs = $state.raw<Readonly<Record<string, Step[]>>>({})
  busy = $state(false)
  /** What was put into the plan and has not come back from the studio. */
  #wanted = $state.raw<WantedStep[] | null>(null)
  /** The steps to come from which that was made: what others change meanwhile is theirs. */
  #seen: WantedStep[] = []
  /** What the studio calls steps that were added here. */
  readonly #ids = new Map<string, string>()
  #arranging: Promise<void> = Promise.resolve()
  #arrangements = 0
  #news = 0
  #source: EventSource | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(readonly id: string) {}

  /** The steps to come, as they were just put; a step that has begun meanwhile is not among them. */
  get coming(): TaskStep[] {
    const { task } = this
    if (!task) return []
    const there = coming(task)
    if (!this.#wanted) return there
    const begun = new Set(task.plan.filter(({ state }) => state !== 'coming').map(({ id }) => id))
    return this.#wanted.filter(({ id }) => !id || !begun.has(id)).map((step) => ({ ...(there.find(({ id }) => id === step.id) ?? NEW), ...step, id: step.id ?? '' }))
  }

  // -- looking

  /** Keeps the task true as long as the page is on the screen; the answer stops that. */
  open(): () => void {
    void this.look().then(() => this.#follow())
    const onlook = () => {
      if (!document.hidden && !this.#source) void this.look().then(() => this.#follow())
    }
    document.addEventListener('visibilitychange', onlook)
    return () => {
      this.#closed = true
      document.removeEventListener('visibilitychange', onlook)
      this.#source?.close()
      clearTimeout(this.#timer)
    }
  }

  async look(): Promise<void> {
    try {
      this.#show(await taskApi.one(this.id))
    } catch (error) {
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) this.lost = `${error.message} ${error.hint}`
      else if (!this.task) {
        fail(error)
        this.#later()
      }
    }
  }

  #show(task: Task): void {
    const before = this.task
    if (before && (task.revision ?? 0) < (before.revision ?? 0)) return // an answer that took longer than the news
    this.task = task
    this.lost = ''
    const asks = (one: Task | undefined) => one?.cards.filter(({ answer }) => answer === undefined).at(-1)
    const card = asks(task)
    if (before && card && card.id !== asks(before)?.id) announce(`It asks: ${card.question || card.title}`)
    if (before && !over(before) && over(task)) announce(task.state === 'done' ? `Done. ${task.outcome}` : task.state === 'failed' ? `It could not go on. ${task.problem?.message ?? ''}` : 'Stopped.')
  }

  #follow(): void {
    if (this.#closed || this.#source || this.lost || !this.task || over(this.task)) return
    if (typeof EventSource === 'undefined') return this.#later()
    const source = new EventSource(taskApi.eventsUrl(this.id))
    this.#source = source
    const read = (event: MessageEvent) => JSON.parse(String(event.data)) as { task?: Task; run?: string; event?: RunEvent }
    source.addEventListener('task', (event) => {
      const { task } = read(event)
      if (task) this.#show(task)
    })
    source.addEventListener('run', (event) => {
      const { run, event: told } = read(event)
      if (run && told?.step) this.runs = { ...this.runs, [run]: withStep(this.runs[run] ?? [], told.step) }
    })
    source.addEventListener('done', (event) => {
      this.#drop()
      const { task } = read(event)
      if (task) this.#show(task)
      else void this.look()
    })
    source.onerror = () => {
      // The browser tries again by itself, but for what was refused.
      if (source.readyState !== EventSource.CLOSED) return
      this.#drop()
      this.#later()
    }
  }

  #drop(): void {
    this.#source?.close()
    this.#source = undefined
  }

  #later(): void {
    clearTimeout(this.#timer)
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.look().then(() => (this.#source || typeof EventSource !== 'undefined' ? this.#follow() : this.task && !over(this.task) && this.#later())), AGAIN)
  }

  // -- hands on it

  async #do(work: () => Promise<Task>, says = ''): Promise<boolean> {
    this.busy = true
    try {
      this.#show(await work())
      if (says) announce(says)
      // One that had ended may go on again.
      this.#follow()
      return true
    } catch (error) {
      fail(error)
      await this.look()
      return false
    } finally {
      this.busy = false
    }
  }

  pause = (): Promise<boolean> => this.#do(() => taskApi.guide(this.id, 'pause'), 'It rests when the step under way is done.')
  resume = (): Promise<boolean> => this.#do(() => taskApi.guide(this.id, 'resume'), 'It goes on.')
  cancel = (): Promise<boolean> => this.#do(() => taskApi.guide(this.id, 'cancel'))
  steer = (text: string): Promise<boolean> => this.#do(() => taskApi.steer(this.id, text), 'It takes that up with its next step.')
  answer = (reply: Reply): Promise<boolean> => this.#do(() => taskApi.answer(this.id, reply), 'Answered. It goes on.')
  retry = (step: string): Promise<boolean> => this.#do(() => taskApi.retry(this.id, step), 'It tries that again.')
  skip = (step: string): Promise<boolean> => this.#do(() => taskApi.skip(this.id, step), 'It goes on without that.')
  drop = (found: number | string): Promise<boolean> => this.#do(() => taskApi.drop(this.id, found), 'That does not count any more.')

  // -- the plan

  /** Lets these be the steps to come: shown at once, and told to the studio after whatever is on its way. `was`: a step as it stood when somebody began to change it. */
  arrange(steps: readonly WantedStep[], says = '', was?: WantedStep): Promise<boolean> {
    const mine = ++this.#arrangements
    if (!this.#wanted) this.#seen = this.task ? coming(this.task).map(wanted) : []
    if (was) this.#seen = this.#seen.map((one) => (one.id === was.id ? was : one))
    this.#wanted = [...steps]
    const done = this.#arranging.then(async () => {
      // What is put after this says all that this says.
      if (mine !== this.#arrangements) return true
      try {
        const put = this.#wanted!.map((step) => ({ ...step, id: this.#ids.get(step.id ?? '') ?? step.id }))
        const task = await taskApi.arrange(this.id, put.map(({ id, ...step }) => (id && !id.startsWith('new-') ? { id, ...step } : step)), this.#seen)
        this.#learn(put, task)
        this.#seen = put.map((step) => ({ ...step, id: this.#ids.get(step.id ?? '') ?? step.id }))
        if (mine === this.#arrangements) this.#wanted = null
        this.#show(task)
        if (says) announce(says)
        return true
      } catch (error) {
        if (mine === this.#arrangements) this.#wanted = null
        fail(error)
        await this.look()
        return false
      }
    })
    this.#arranging = done.then(() => undefined)
    return done
  }

  /** Finds what the studio has called the steps that were added. */
  #learn(put: readonly WantedStep[], task: Task): void {
    const named = new Set([...this.#seen, ...put].map(({ id }) => id))
    const others = task.plan.filter(({ id }) => !named.has(id))
    for (const { id = '', title } of put) {
      if (!id.startsWith('new-')) continue
      const at = others.findIndex((one) => one.title === title)
      if (at >= 0) this.#ids.set(id, others.splice(at, 1)[0]!.id)
    }
  }

  move(at: number, by: 1 | -1): Promise<boolean> {
    const step = this.coming[at]
    if (!step || !this.coming[at + by]) return Promise.resolve(false)
    return this.arrange(moved(this.coming, at, by).map(wanted), `“${step.title}” is now ${at + by + 1} of ${this.coming.length} to come.`)
  }
  remove(at: number): Promise<boolean> {
    return this.arrange(this.coming.filter((_, i) => i !== at).map(wanted), `“${this.coming[at]?.title}” was taken out.`)
  }
  /** Words a step otherwise; `was` is how it was when somebody began to write. */
  put(at: number, step: WantedStep, was?: WantedStep): Promise<boolean> {
    return this.arrange(this.coming.map((one, i) => (i === at ? step : wanted(one))), 'Changed.', was)
  }
  insert(at: number, step: WantedStep): Promise<boolean> {
    const made = { ...step, id: `new-${++this.#news}` }
    return this.arrange([...this.coming.slice(0, at).map(wanted), made, ...this.coming.slice(at).map(wanted)], `“${step.title}” was added.`)
  }
}

const NEW: TaskStep = { id: '', do: '', title: '', given: {}, state: 'coming', note: '', error: null, runs: [], done: 0, of: 0, tries: 0, started: null, finished: null, by: '' }

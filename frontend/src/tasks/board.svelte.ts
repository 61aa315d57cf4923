/** The tasks of one canvas, or of all, kept true while somebody looks. */
import { api, type CanvasSummary, type Role } from '../api'
import { fail } from '../notices.svelte'
import { lasting } from '../lasting.svelte'
import type { Session } from '../session.svelte'
import { studio } from '../studio.svelte'
import { taskApi } from './http'
import { line } from './line.svelte'
import { asking, type Groups, grouped, type Schedule, type Task } from './tasks'

/** How often it looks where the studio does not say what changes, while something moves and while nothing does; and where it does, for schedules. In milliseconds. */
const MOVING = 2500
const STILL = 15_000
const NONE = 60_000

export class Board {
  tasks = $state.raw<Task[]>([])
  schedules = $state.raw<Schedule[]>([])
  canvases = $state.raw<CanvasSummary[]>([])
  loaded = $state(false)
  failed = $state(false)
  now = $state(Date.now() / 1000)
  readonly groups: Groups = $derived(grouped(this.tasks, studio.me?.id ?? '', this.now))
  /** Those that begin again first, then those that rest. */
  readonly planned: Schedule[] = $derived([...this.schedules].sort((a, b) => Number(a.state !== 'on') - Number(b.state !== 'on') || (a.next ?? Infinity) - (b.next ?? Infinity)))
  readonly moving: boolean = $derived(this.tasks.some(({ state }) => state === 'running' || state === 'queued' || state === 'waiting'))
  readonly waiting: number = $derived(this.tasks.filter(asking).length)
  #timer: ReturnType<typeof setTimeout> | undefined
  #open = 0
  #hang: (() => void) | undefined
  #loading: Promise<void> | undefined
  #again = false

  /** `canvas`: '' for all that one may see. */
  constructor(readonly canvas: string) {}

  /** Keeps it true; the answer stops that. */
  readonly open = (): (() => void) => {
    if (this.#open++ === 0) {
      document.addEventListener('visibilitychange', this.#onlook)
      this.#hang = line.hear({ task: (task) => this.#heard(task), look: () => void this.load(), lost: () => this.#later() })
    }
    void this.load()
    return () => {
      if (--this.#open) return
      document.removeEventListener('visibilitychange', this.#onlook)
      this.#hang?.()
      clearTimeout(this.#timer)
    }
  }
  readonly #onlook = (): void => {
    if (!document.hidden) void this.load()
  }

  load(): Promise<void> {
    if (this.#loading) this.#again = true
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
      this.#later()
      // What happened while the answer was on its way may not be in it.
      if (this.#again && this.#open) void this.load()
      this.#again = false
    })
    return this.#loading
  }

  #later(): void {
    clearTimeout(this.#timer)
    if (!this.#open) return
    const pause = line.live ? NONE : this.moving ? MOVING : this.tasks.length || this.schedules.length ? STILL : NONE
    this.#timer = setTimeout(() => (document.hidden ? undefined : void this.load()), pause)
  }

  /** The studio says how a task is now. */
  #heard(task: Task): void {
    if (this.canvas && task.canvas !== this.canvas) return
    this.now = Date.now() / 1000
    const before = this.tasks.find(({ id }) => id === task.id)
    this.note(task)
    // One that a schedule has begun, or of a canvas that is not known yet: there is more to know.
    if (before ? before.state !== task.state && task.schedule : task.schedule || (!this.canvas && !this.canvases.some(({ id }) => id === task.canvas))) void this.load()
  }

  async #load(): Promise<void> {
    try {
      const [{ tasks }, { schedules }, canvases] = await Promise.all([
        this.canvas ? taskApi.of(this.canvas) : taskApi.all(),
        this.canvas ? taskApi.schedules(this.canvas) : taskApi.allSchedules(),
        this.canvas ? undefined : api.canvases(),
      ])
      if (canvases) this.canvases = canvases.canvases
      this.now = Date.now() / 1000
      this.tasks = tasks
      this.schedules = schedules
      this.loaded = true
      this.failed = false
    } catch (error) {
      this.failed = true
      if (!this.loaded && !this.#open) fail(error)
    }
  }

  /** What somebody did to a task or a schedule here is shown at once. */
  note(task: Task): void {
    this.tasks = this.tasks.some(({ id }) => id === task.id) ? this.tasks.map((one) => (one.id === task.id ? task : one)) : [task, ...this.tasks]
  }
  noteSchedule(schedule: Schedule): void {
    this.schedules = this.schedules.some(({ id }) => id === schedule.id) ? this.schedules.map((one) => (one.id === schedule.id ? { ...one, ...schedule } : one)) : [schedule, ...this.schedules]
  }
  forget(schedule: string): void {
    this.schedules = this.schedules.filter(({ id }) => id !== schedule)
  }

  titleOf(canvas: string): string {
    return this.canvases.find(({ id }) => id === canvas)?.title ?? ''
  }
  roleIn(canvas: string): Role | undefined {
    return this.canvases.find(({ id }) => id === canvas)?.role
  }
}

const known = new WeakMap<Session, Board>()

/** The tasks of an open canvas. */
export function boardOf(session: Session): Board {
  let board = known.get(session)
  if (!board) {
    board = lasting(() => new Board(session.id))
    known.set(session, board)
  }
  return board
}

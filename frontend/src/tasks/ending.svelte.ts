/** Tells a person, on whatever page they are, that a task which they began asks something or has ended. */
import { toast } from '../notices.svelte'
import { go, router, taskPath } from '../route.svelte'
import { studio } from '../studio.svelte'
import { taskApi } from './http'
import { asking, gist, type Task, type TaskState } from './tasks'

/** What is told of a task that has come to something. */
export interface Told { id: string; title: string; state: TaskState; outcome?: string; canvas?: string }
const TELLS: ReadonlySet<TaskState> = new Set(['waiting', 'done', 'failed'])

class Ending {
  #source: EventSource | undefined
  /** When somebody last looked here, in seconds since 1970. */
  #looked = 0
  /** What has been said already, with the state that it was in. */
  readonly #said = new Set<string>()

  /**
   * Listens while the page is seen; a hidden one holds no line open, and asks what happened when it is seen again.
   * Whoever has no task holds none at all: `begun` says that there is one.
   */
  readonly open = (): (() => void) => {
    const onlook = () => (document.hidden ? this.#drop() : void this.look())
    document.addEventListener('visibilitychange', onlook)
    if (!document.hidden) void this.look()
    return () => {
      document.removeEventListener('visibilitychange', onlook)
      this.#drop()
    }
  }

  /** Says what came about since the last look, and listens where there is something to hear. */
  async look(): Promise<void> {
    const since = this.#looked
    const now = Date.now() / 1000
    try {
      const tasks = (await taskApi.all(50)).tasks.filter(({ by }) => by.id === studio.me?.id)
      this.#looked = now
      for (const task of tasks) {
        const told = { ...task, outcome: gist(task) }
        if (since && changed(task, since)) this.say(told)
        // What asked before the page was opened is in the inbox.
        else if (task.state === 'waiting') this.#said.add(mark(told))
      }
      if (tasks.some(({ state }) => state === 'queued' || state === 'running' || state === 'waiting' || state === 'paused')) this.listen()
    } catch {
      // Without it the inbox still tells.
    }
  }

  /** Holds the line open: a task of mine is under way. */
  readonly listen = (): void => {
    if (this.#source || document.hidden || typeof EventSource === 'undefined') return
    this.#source = new EventSource('/api/inbox/events')
    this.#source.addEventListener('task', (event) => this.say((JSON.parse(String(event.data)) as { task: Told }).task))
    this.#source.onerror = () => {
      if (this.#source?.readyState === EventSource.CLOSED) this.#source = undefined
    }
  }

  #drop(): void {
    this.#looked = Date.now() / 1000
    this.#source?.close()
    this.#source = undefined
  }

  say(task: Told): void {
    const said = mark(task)
    if (!TELLS.has(task.state) || this.#said.has(said)) return
    this.#said.add(said)
    this.#looked = Date.now() / 1000
    const at = router.current
    // Who looks at it sees it.
    if ((at.name === 'task' && at.task === task.id) || at.name === 'tasks') return
    const says = { waiting: 'asks you something', done: 'is done', failed: 'could not go on' }[task.state as 'waiting' | 'done' | 'failed']
    toast(`“${task.title.length > 70 ? `${task.title.slice(0, 69)}…` : task.title}” ${says}.`, {
      ...(task.outcome ? { hint: task.outcome.length > 140 ? `${task.outcome.slice(0, 139)}…` : task.outcome } : {}),
      action: { label: task.state === 'waiting' ? 'Answer' : 'Look', run: () => go(taskPath(task.id)) },
    })
  }
}

/** The same thing is said once, from wherever it is heard: a question by its words, an end by its state. */
const mark = ({ id, state, outcome = '' }: Told): string => `${id} ${state} ${state === 'waiting' ? outcome : ''}`

/** Whether a task has come to something since then. */
export const changed = (task: Task, since: number): boolean =>
  (task.finished !== null && task.finished > since && task.state !== 'cancelled') || asking(task)

export const ending = new Ending()

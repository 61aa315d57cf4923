/** Tells a person, on whatever page they are, that a task which they began asks something or has ended. */
import { toast } from '../notices.svelte'
import { go, router, taskPath } from '../route.svelte'
import { studio } from '../studio.svelte'
import { taskApi } from './http'
import { line } from './line.svelte'
import { asking, gist, over, type Task, type TaskState } from './tasks'

/** What is told of a task that has come to something. */
export interface Told { id: string; title: string; state: TaskState; outcome?: string; canvas?: string }
const TELLS: ReadonlySet<TaskState> = new Set(['waiting', 'done', 'failed'])

class Ending {
  #hang: (() => void) | undefined
  /** How each of my tasks was when somebody last looked. */
  #known: ReadonlyMap<string, string> | undefined

  /**
   * Listens while it has something to hear: whoever has no task holds no line open, `listen` says that there is one. A
   * hidden page holds none either, and asks what happened when it is seen again.
   */
  readonly open = (): (() => void) => {
    const onlook = () => (document.hidden ? undefined : void this.look())
    document.addEventListener('visibilitychange', onlook)
    if (!document.hidden) void this.look()
    return () => {
      document.removeEventListener('visibilitychange', onlook)
      this.#drop()
      this.#known = undefined
    }
  }

  /** Says what came about since the last look, and listens where there is something to hear. */
  async look(): Promise<void> {
    try {
      const tasks = (await taskApi.all(50)).tasks.filter(({ by }) => by.id === studio.me?.id)
      const before = this.#known
      this.#known = new Map([...(before ?? []), ...tasks.map((task): [string, string] => [task.id, mark(told(task))])])
      // What was so when the page was opened is in the inbox.
      if (before) for (const task of tasks) if (before.get(task.id) !== mark(told(task))) this.#tell(told(task))
      if (tasks.some((task) => !over(task))) this.listen()
      else this.#drop()
    } catch {
      // Without it the inbox still tells.
    }
  }

  /** Holds the line open: a task of mine is under way. */
  readonly listen = (): void => {
    if (this.#hang) return
    this.#hang = line.hear({
      task: (task) => {
        if (task.by.id === studio.me?.id) this.say(told(task))
      },
      // What happened until the line was open has been told to nobody.
      look: () => void this.look(),
    })
    if (line.live) void this.look()
  }

  #drop(): void {
    this.#hang?.()
    this.#hang = undefined
  }

  say(task: Told): void {
    if (this.#known?.get(task.id) === mark(task)) return
    this.#known = new Map([...(this.#known ?? []), [task.id, mark(task)]])
    this.#tell(task)
  }

  #tell(task: Told): void {
    // One that waits for tasks of its own asks nobody anything.
    if (!TELLS.has(task.state) || (task.state === 'waiting' && !task.outcome)) return
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
const mark = ({ state, outcome = '' }: Told): string => (state === 'waiting' ? `asks ${outcome}` : state)

const told = (task: Task): Told => ({ ...task, outcome: task.state === 'waiting' && !asking(task) ? '' : gist(task) })

export const ending = new Ending()

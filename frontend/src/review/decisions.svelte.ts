/**
 * What this person decided on a page in this tab, so that the undo key takes it back in one order with their typing.
 * Each entry is one step for the key, even where it took two requests.
 */
import { ApiError, type ActionBody, type Outcome } from '../api'
import { fail, toast } from '../notices.svelte'
import type { Session } from '../session.svelte'

interface Deed {
  at: number
  /** What was asked for; asked again by redo. */
  bodies: ActionBody[]
  words: string
  /** The decisions that came of it, once they have. */
  made: Promise<string[]>
}

const NOT_MORE = 100

export class Decisions {
  #done: Deed[] = []
  #undone: Deed[] = []
  /** A decision taken back or made anew is on its way. */
  #turning: Promise<unknown> = Promise.resolve()

  constructor(
    readonly session: Pick<Session, 'act'>,
    readonly now: () => number = Date.now,
  ) {}

  /** When the decision that undo (or redo) would take was made. */
  top(verb: 'undo' | 'redo'): number | null {
    return (verb === 'undo' ? this.#done : this.#undone).at(-1)?.at ?? null
  }

  /** Makes decisions one after the other; `words` says afterwards what was done. Throws what the studio refuses. */
  async make(bodies: ActionBody[], words: (outcomes: Outcome[]) => string, expected = ''): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    const run = async () => {
      for (const body of bodies) outcomes.push(await (expected ? this.session.act(body, expected) : this.session.act(body)))
      return outcomes.flatMap(({ decision }) => (typeof decision === 'string' ? [decision] : []))
    }
    const made = run()
    const deed: Deed = { at: this.now(), bodies, words: '', made: made.catch(() => outcomes.flatMap(({ decision }) => (typeof decision === 'string' ? [decision] : []))) }
    this.#done = [...this.#done, deed].slice(-NOT_MORE)
    this.#undone = []
    try {
      await made
    } catch (error) {
      if (!outcomes.length) this.#done = this.#done.filter((one) => one !== deed)
      throw error
    }
    deed.words = words(outcomes)
    toast(deed.words, { action: { label: 'Undo', run: () => this.#back(deed) } })
    return outcomes
  }

  /** Typing after something was taken back: there is nothing to be done again. */
  typed(): void {
    this.#undone = []
  }

  undo(): boolean {
    const deed = this.#done.at(-1)
    if (!deed) return false
    void this.#back(deed)
    return true
  }

  redo(): boolean {
    const deed = this.#undone.at(-1)
    if (!deed) return false
    this.#undone = this.#undone.slice(0, -1)
    this.#turning = this.#turning.then(async () => {
      const undone = this.#undone
      try {
        await this.make(deed.bodies, () => deed.words)
        this.#undone = undone
      } catch {
        // The session has told the person why.
      }
    })
    return true
  }

  /** Takes one deed back: its decisions, the last one first. */
  #back(deed: Deed): Promise<void> {
    if (!this.#done.includes(deed)) return Promise.resolve()
    this.#done = this.#done.filter((one) => one !== deed)
    const turned = this.#turning.then(async () => {
      try {
        for (const decision of (await deed.made).toReversed()) await this.session.act({ type: 'undo', decision })
        this.#undone = [...this.#undone, { ...deed, at: this.now() }]
        toast('Taken back.', { action: { label: 'Redo', run: () => this.redo() } })
      } catch (error) {
        if (!(error instanceof ApiError)) fail(error)
      }
    })
    this.#turning = turned
    return turned
  }
}

const known = new WeakMap<object, Decisions>()

/** The decisions of a page: kept while the canvas is open, so that leaving the page and coming back loses none. */
export function decisionsOf(page: object, session: Session): Decisions {
  let found = known.get(page)
  if (!found) known.set(page, (found = new Decisions(session)))
  return found
}

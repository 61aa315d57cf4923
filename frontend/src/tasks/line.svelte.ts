/**
 * The one line on which the studio says what becomes of tasks, of all canvases that one may see. Whoever wants to hear
 * shares it: a browser has six connections for all tabs of a studio, so a tab holds one, and a hidden tab none.
 */
import type { Task } from './tasks'

export interface Hearer {
  /** A task has changed: what a list shows of it. */
  task: (task: Task) => void
  /** More may have changed than was told: the line was opened or taken up again, or what one may see is another. */
  look: () => void
  /** The line broke: until it is taken up again nothing is told. */
  lost?: () => void
}

/** How long until it is tried again after the studio hung up, in milliseconds. */
const AGAIN = 5000

class Line {
  /** Whether the studio says by itself what changes; whoever wants to know asks it otherwise. */
  live = $state(false)
  #source: EventSource | undefined
  #again: ReturnType<typeof setTimeout> | undefined
  readonly #hearers = new Set<Hearer>()

  /** Hears what becomes of tasks until the answer is called. */
  readonly hear = (hearer: Hearer): (() => void) => {
    if (!this.#hearers.size) document.addEventListener('visibilitychange', this.#onlook)
    this.#hearers.add(hearer)
    this.#open()
    return () => {
      if (!this.#hearers.delete(hearer) || this.#hearers.size) return
      document.removeEventListener('visibilitychange', this.#onlook)
      this.#close()
    }
  }
  readonly #onlook = (): void => (document.hidden ? this.#close() : this.#open())

  #open(): void {
    clearTimeout(this.#again)
    if (this.#source || document.hidden || !this.#hearers.size || typeof EventSource === 'undefined') return
    const source = new EventSource('/api/tasks/events')
    this.#source = source
    source.addEventListener('listening', () => {
      this.live = true
      this.#look()
    })
    source.addEventListener('look', () => this.#look())
    source.addEventListener('task', (event) => {
      const { task } = JSON.parse(String((event as MessageEvent).data)) as { task: Task }
      for (const hearer of this.#hearers) hearer.task(task)
    })
    source.onerror = () => {
      this.live = false
      for (const hearer of this.#hearers) hearer.lost?.()
      // The browser tries again by itself, but for what was refused.
      if (source.readyState !== EventSource.CLOSED || this.#source !== source) return
      this.#source = undefined
      clearTimeout(this.#again)
      this.#again = setTimeout(() => this.#open(), AGAIN)
    }
  }

  #look(): void {
    for (const hearer of this.#hearers) hearer.look()
  }

  #close(): void {
    clearTimeout(this.#again)
    this.#source?.close()
    this.#source = undefined
    this.live = false
  }
}

export const line = new Line()

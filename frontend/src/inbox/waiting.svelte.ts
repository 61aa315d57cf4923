/** How much waits, for the links that lead to the inbox. */
import { api } from '../api'

const EVERY = 30_000

class Count {
  value = $state(0)
  #watchers = 0
  #timer: ReturnType<typeof setInterval> | undefined
  #looked = 0

  /** Keeps the number fresh while a link shows it; the answer stops that. */
  readonly watch = (): (() => void) => {
    const look = () => {
      if (!document.hidden) void this.look()
    }
    if (this.#watchers++ === 0) {
      this.#timer = setInterval(look, EVERY)
      document.addEventListener('visibilitychange', look)
    }
    look()
    return () => {
      if (--this.#watchers) return
      clearInterval(this.#timer)
      document.removeEventListener('visibilitychange', look)
    }
  }

  async look(): Promise<void> {
    if (Date.now() - this.#looked < 2000) return
    this.#looked = Date.now()
    try {
      this.value = (await api.inboxCount()).count
    } catch {
      // The next look will tell.
    }
  }
}

export const waiting = new Count()

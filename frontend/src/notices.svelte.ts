/** Short words to the person: toasts that go away by themselves, and lines that only a screen reader speaks. */

export interface Notice {
  id: number
  tone: 'plain' | 'error'
  text: string
  /** What to do next. */
  hint?: string
  /** One button: `{ label: 'Undo', run }`. */
  action?: { label: string; run: () => unknown }
}

class Notices {
  shown = $state.raw<Notice[]>([])
  /** Read out by the polite live region; a changing space makes the same words count as new. */
  spoken = $state('')
  #next = 1

  /** Shows a toast (which screen readers also speak) and returns what takes it away. */
  readonly toast = (text: string, more: Partial<Omit<Notice, 'id' | 'text'>> = {}): (() => void) => {
    const notice: Notice = { id: this.#next++, tone: 'plain', text, ...more }
    // The same words twice are one toast: a failing line must not fill the screen.
    this.shown = [...this.shown.filter((old) => old.text !== text), notice].slice(-4)
    const gone = () => this.drop(notice.id)
    const reading = 4000 + 55 * (text.length + (more.hint?.length ?? 0))
    setTimeout(gone, more.action || notice.tone === 'error' ? Math.max(8000, reading) : reading)
    return gone
  }

  readonly drop = (id: number): void => {
    this.shown = this.shown.filter((notice) => notice.id !== id)
  }

  /** Spoken, not shown: for changes that a sighted person sees happen. */
  readonly announce = (text: string): void => {
    this.spoken = this.spoken === text ? `${text}\u00a0` : text
  }

  /** An error as the person should read it. */
  readonly fail = (error: unknown): void => {
    const { message, hint } = error as { message?: string; hint?: string }
    this.toast(message || 'Something went wrong.', { tone: 'error', ...(hint ? { hint } : {}) })
  }
}

export const notices = new Notices()
export const { toast, announce, fail } = notices

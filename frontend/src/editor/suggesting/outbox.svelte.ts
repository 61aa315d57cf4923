/**
 * What is typed in suggesting mode on its way to the studio. Every unit is one change of one suggestion: made once,
 * then amended until it is left, withdrawn when it comes to nothing. What the studio does not have yet is kept in this
 * browser, so neither a reload nor a dead line loses a word; a request that is sent again does nothing twice.
 */
import { ApiError, type ActionBody, freshKey, type Outcome } from '../../api'
import { toast } from '../../notices.svelte'

/** One change as an action takes it. */
export interface Wanted { page: string; find: string; replace: string; before: string; after: string; start: unknown; end: unknown }

interface Entry {
  key: string
  /** Null: it came to nothing. */
  wanted: Wanted | null
  /** Whether the person has left it: then it is a row of the ledger, before it was a draft. */
  final: boolean
  suggestion: string
  hunk: number
  /** The request that makes it, word for word, for as long as its answer has not come. */
  making?: { key: string; body: ActionBody }
  /** What the studio is known to have. */
  sent?: { find: string; replace: string; final: boolean }
  page: string
}
/** `made`: the studio knows a unit now; `again`: units came from elsewhere, or one must be looked at anew. */
export type News = 'made' | 'again'

interface Kept { tab: string; seen: number; entries: Entry[] }

interface Doors {
  /** Sends one action; throws an `ApiError`. */
  send: (action: ActionBody, key: string) => Promise<Outcome>
  storage?: Storage
  pause?: number
  now?: () => number
}

const DRAFT_PAUSE = 150
/** A tab that has not been heard of for so long is gone, and another one sends what it left, in milliseconds. */
const GONE = 6000
const MOST_TRIES = 6

export class Outbox {
  /** How many units the studio does not have as they are. */
  waiting = $state(0)
  readonly #entries = new Map<string, Entry>()
  readonly #busy = new Set<string>()
  readonly #tries = new Map<string, number>()
  /** What was last said of each unit here: the document repeats it a moment later. */
  readonly #said = new Map<string, string[]>()
  /** What was withdrawn from here because it came to nothing; it may have words again before the studio knows. */
  readonly #withdrawn = new Set<string>()
  readonly #listeners = new Set<(what: News) => void>()
  readonly #tab: string
  readonly #storage: Storage | undefined
  readonly #now: () => number
  #beat: ReturnType<typeof setInterval> | undefined
  #closed = false

  constructor(
    readonly name: string,
    readonly doors: Doors,
  ) {
    this.#storage = doors.storage
    this.#now = doors.now ?? Date.now
    this.#tab = this.#tabName()
    this.#adopt()
    if (this.#storage) setTimeout(() => this.#adopt(), GONE + 1000)
  }

  #tabName(): string {
    try {
      const known = sessionStorage.getItem('studiolo:tab')
      if (known) return known
      const made = freshKey()
      sessionStorage.setItem('studiolo:tab', made)
      return made
    } catch {
      return freshKey()
    }
  }

  /** Takes over what this tab had not sent before it was reloaded, and what tabs that are gone have left. */
  #adopt(): void {
    if (this.#closed) return
    for (const kept of this.#all()) {
      if (kept.tab !== this.#tab && this.#now() - kept.seen < GONE) continue
      for (const entry of kept.entries) if (!this.#entries.has(entry.key)) this.#entries.set(entry.key, { ...entry, final: true })
      if (kept.tab !== this.#tab) this.#storage?.removeItem(`${this.name}:${kept.tab}`)
    }
    this.#keep()
    for (const key of this.#entries.keys()) void this.#pump(key)
    this.#tell('again')
  }

  #tell(what: News): void {
    for (const listener of this.#listeners) listener(what)
  }

  #all(): Kept[] {
    const storage = this.#storage
    if (!storage) return []
    const names = Array.from({ length: storage.length }, (_, i) => storage.key(i)).filter((name) => name?.startsWith(`${this.name}:`))
    return names.flatMap((name) => {
      try {
        const kept = JSON.parse(storage.getItem(name!) ?? '') as Kept
        return Array.isArray(kept.entries) ? [kept] : []
      } catch {
        return []
      }
    })
  }

  listen(listener: (what: News) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Says what a unit is now. It is sent when it is time. */
  put(key: string, wanted: Wanted | null, final: boolean, made?: { suggestion: string; hunk: number; sent: { find: string; replace: string } }): void {
    let entry = this.#entries.get(key)
    if (!entry) {
      if (!wanted && !made) return
      entry = { key, wanted, final, suggestion: made?.suggestion ?? '', hunk: made?.hunk ?? 0, page: wanted?.page ?? '', ...(made ? { sent: { ...made.sent, final: true } } : {}) }
    }
    this.#entries.set(key, { ...entry, wanted, final })
    this.#keep()
    void this.#pump(key)
  }

  /** A unit whose fate was decided elsewhere: nothing more is said about it. */
  forget(key: string): void {
    this.#entries.delete(key)
    this.#said.delete(key)
    this.#keep()
  }

  get(key: string): Readonly<Entry> | undefined {
    return this.#entries.get(key)
  }

  /** The units of a page that the studio does not have as they are. */
  unsent(page: string): Readonly<Entry>[] {
    return [...this.#entries.values()].filter((entry) => entry.page === page && !settled(entry))
  }

  /** Whether a record that has appeared is one that was asked for here and not answered yet. */
  making(find: string, replace: string): boolean {
    return [...this.#entries.values()].some(({ making, suggestion }) => {
      if (!making || suggestion) return false
      const [hunk] = making.body['hunks'] as { find: string; replace: string }[]
      return hunk?.find === find && hunk.replace === replace
    })
  }

  keyOf(suggestion: string, hunk: number): string | undefined {
    for (const entry of this.#entries.values()) if (entry.suggestion === suggestion && entry.hunk === hunk) return entry.key
    return undefined
  }

  /** Waits, but not long, until the studio has these suggestions as they are here. */
  async sent(suggestions: ReadonlySet<string>): Promise<void> {
    const open = () => [...this.#entries.values()].some((entry) => suggestions.has(entry.suggestion) && (!settled(entry) || this.#busy.has(entry.key)))
    for (let waited = 0; waited < 3000 && open(); waited += 20) await pause(20)
  }

  withdrew(suggestion: string, hunk: number): boolean {
    return this.#withdrawn.has(`${suggestion}/${hunk}`)
  }

  clean(key: string): boolean {
    const entry = this.#entries.get(key)
    return !entry || (settled(entry) && !this.#busy.has(key))
  }

  async #pump(key: string): Promise<void> {
    if (this.#busy.has(key) || this.#closed) return
    this.#busy.add(key)
    try {
      for (;;) {
        const entry = this.#entries.get(key)
        if (!entry || settled(entry)) break
        try {
          await this.#step(entry)
          this.#tries.delete(key)
        } catch (error) {
          if (!(await this.#failed(key, error))) break
        }
        if (this.#closed) return
        this.#keep()
        const now = this.#entries.get(key)
        // The next draft waits a moment for more keys; what is finished does not.
        if (now && !now.final && !settled(now)) await pause(this.doors.pause ?? DRAFT_PAUSE)
      }
    } finally {
      this.#busy.delete(key)
      if (!this.#closed) this.#keep()
    }
  }

  /** The next request about a unit. */
  async #step(entry: Entry): Promise<void> {
    const { key, wanted, final, suggestion, hunk } = entry
    const patch = (more: Partial<Entry>) => {
      const now = this.#entries.get(key)
      if (now) this.#entries.set(key, { ...now, ...more })
    }
    if (!suggestion) {
      if (!wanted && !entry.making) {
        this.#entries.delete(key)
        return
      }
      let { making } = entry
      if (!making) {
        const { page, ...change } = wanted!
        making = { key: freshKey(), body: { type: 'suggest', page, hunks: [place(change)] } }
        patch({ making })
        this.#keep()
      }
      const [first] = making.body['hunks'] as { find: string; replace: string }[]
      this.#say(key, first!.replace)
      const outcome = await this.doors.send(making.body, making.key)
      const now = this.#entries.get(key)
      if (!now) return
      const { making: _made, ...rest } = now
      this.#entries.set(key, { ...rest, suggestion: outcome.id ?? '', hunk: 0, sent: { find: first!.find, replace: first!.replace, final: true } })
      this.#tell('made')
      return
    }
    if (!wanted) {
      this.#withdrawn.add(`${suggestion}/${hunk}`)
      await this.doors.send({ type: 'withdraw', suggestion, hunks: [hunk] }, freshKey())
      const now = this.#entries.get(key)
      if (now && !now.wanted) this.#entries.delete(key)
      // It has words again by now: they are another suggestion.
      else if (now) {
        const { sent: _sent, ...rest } = now
        this.#entries.set(key, { ...rest, suggestion: '', hunk: 0 })
      }
      return
    }
    const { page: _page, ...change } = wanted
    this.#say(key, wanted.replace)
    await this.doors.send({ type: 'amend', suggestion, hunks: [{ ...place(change), hunk }], ...(final ? {} : { draft: true }) }, freshKey())
    patch({ sent: { find: wanted.find, replace: wanted.replace, final } })
  }

  #say(key: string, words: string): void {
    this.#said.set(key, [...(this.#said.get(key) ?? []).slice(-30), words])
  }

  /** Whether words that the document shows for a unit are only what was sent from here. */
  echo(key: string, words: string): boolean {
    return this.#said.get(key)?.includes(words) ?? false
  }

  /** Whether to go on after a failure. */
  async #failed(key: string, error: unknown): Promise<boolean> {
    const entry = this.#entries.get(key)
    if (!entry) return false
    const { status = 0, code = '' } = error instanceof ApiError ? error : {}
    if (status === 0 || status >= 500 || status === 429 || status === 408) {
      const tries = (this.#tries.get(key) ?? 0) + 1
      this.#tries.set(key, tries)
      await pause(Math.min(4000, 300 * 1.6 ** tries))
      return !this.#closed
    }
    if (!entry.wanted) {
      // What is to be withdrawn is gone already.
      this.#entries.delete(key)
      return false
    }
    if (entry.suggestion && (code === 'decided' || status === 404)) {
      // The document says, or will say in a moment, what became of it; what was typed since is then a unit of its own.
      this.#entries.set(key, { ...entry, sent: { find: entry.wanted.find, replace: entry.wanted.replace, final: true }, final: true })
      return false
    }
    // The studio and this page do not hold the same text this moment: try again when they do.
    const tries = (this.#tries.get(key) ?? 0) + 1
    this.#tries.set(key, tries)
    if (tries <= MOST_TRIES && status !== 401 && status !== 403) {
      const { making: _making, ...rest } = entry
      this.#entries.set(key, rest)
      this.#tell('again')
      await pause(250 * 2 ** tries)
      return !this.#closed
    }
    this.#entries.delete(key)
    this.#tries.delete(key)
    const { message, hint } = error as ApiError
    toast(`A suggestion could not be made: ${message}`, { tone: 'error', hint: `${hint} It was: “${entry.wanted.replace}”` })
    return false
  }

  #keep(): void {
    const open = [...this.#entries.values()].filter((entry) => !settled(entry))
    if (this.waiting !== open.length) this.waiting = open.length
    const storage = this.#storage
    if (!storage) return
    const name = `${this.name}:${this.#tab}`
    try {
      if (!open.length) storage.removeItem(name)
      else storage.setItem(name, JSON.stringify({ tab: this.#tab, seen: this.#now(), entries: open } satisfies Kept))
    } catch {
      // The browser keeps nothing (any more): then only a reload while the line is down loses what was typed.
    }
    if (open.length && this.#beat === undefined) this.#beat = setInterval(() => this.#keep(), GONE / 3)
    else if (!open.length && this.#beat !== undefined) {
      clearInterval(this.#beat)
      this.#beat = undefined
    }
  }

  close(): void {
    this.#keep()
    this.#closed = true
    clearInterval(this.#beat)
  }
}

function settled({ wanted, sent, final, suggestion, making }: Entry): boolean {
  if (!wanted) return !suggestion && !making
  return sent !== undefined && sent.find === wanted.find && sent.replace === wanted.replace && (sent.final || !final)
}

/** A relative position without the fields that say nothing: the studio takes no nulls. */
function place({ find, replace, before, after, start, end }: Omit<Wanted, 'page'>): Record<string, unknown> {
  return { find, replace, before, after, start, ...(find ? { end } : {}) }
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

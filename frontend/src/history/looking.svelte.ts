import { ApiError, api } from '../api'
import { announce, fail, toast } from '../notices.svelte'
import type { Session } from '../session.svelte'
import { type Branch, DEEDS, type Moment, momentAt, moments, type PageMark, type Parent, type PastPage, type Timeline, type Version, when } from './past'

/** What a moment is compared with. */
export type Against = 'session' | 'now' | 'nothing' | `seq:${number}`

const KEPT = 60

/** Looking back at one canvas: which moment, which page, compared with what; and what the studio tells of it. */
export class Looking {
  timeline = $state.raw<Timeline>()
  branches = $state.raw<Branch[]>([])
  parent = $state.raw<Parent | null>(null)
  /** The moment that is looked at, a place in `moments`. */
  at = $state(0)
  page = $state('')
  against = $state<Against>('session')
  /** The page as it was, with its changes. It stays on the screen until the next one is there. */
  shown = $state.raw<PastPage>()
  marks = $state.raw<PageMark[]>([])
  missing = $state(false)
  busy = $state(false)

  readonly moments: Moment[] = $derived(this.timeline ? moments(this.timeline) : [])
  readonly moment: Moment | undefined = $derived(this.moments[this.at])
  readonly present = $derived(this.at === this.moments.length - 1)
  readonly #pages = new Map<string, Promise<PastPage>>()
  readonly #marks = new Map<string, Promise<PageMark[]>>()
  #wanted = ''

  constructor(readonly session: Session) {
    this.page = session.page
  }

  name(participant: string): string {
    return this.timeline?.participants[participant]?.name ?? (participant.startsWith('imported:') ? participant.slice(9) : 'Somebody')
  }

  /** Asks for the timeline; whoever looked at the present goes on looking at it. */
  async load(): Promise<void> {
    try {
      const follows = !this.timeline || this.present
      const seq = this.moment?.seq
      const [timeline, { branches, parent }] = await Promise.all([api.history(this.session.id), api.branches(this.session.id)])
      this.timeline = timeline
      this.branches = branches
      this.parent = parent
      this.at = follows || seq === undefined ? Math.max(0, this.moments.length - 1) : momentAt(this.moments, seq)
    } catch (error) {
      fail(error)
    }
  }

  /** Which two moments are compared: `old` undefined for none. */
  get between(): { old?: number; new?: number } {
    const { moment, timeline, against } = this
    if (!moment || !timeline) return {}
    if (against === 'nothing') return { new: moment.seq }
    // What a canvas was made with is no change of the first session.
    const other = against === 'now' ? timeline.tip : against === 'session' ? Math.max(1, timeline.sessions[moment.session]!.from - 1) : Number(against.slice(4))
    return { old: Math.min(other, moment.seq), new: Math.max(other, moment.seq) }
  }

  /** Fetches what stands at the chosen moment. Of many wishes in a row only the last is shown. */
  async look(): Promise<void> {
    const { page, between } = this
    if (between.new === undefined) return
    const key = JSON.stringify([page, between])
    this.#wanted = key
    const marks = this.#remember(this.#marks, JSON.stringify(between), async () => {
      const compared = await api.compareHistory(this.session.id, { old: between.old ?? between.new!, new: between.new! })
      return compared.pages
    })
    const found = this.#remember(this.#pages, key, () => api.pastPage(this.session.id, page, between))
    try {
      const [shown, listed] = await Promise.allSettled([found, marks])
      if (this.#wanted !== key) return
      if (listed.status === 'fulfilled') this.marks = listed.value
      this.missing = shown.status === 'rejected' && shown.reason instanceof ApiError && shown.reason.status === 404
      if (shown.status === 'fulfilled') this.shown = shown.value
      else if (!this.missing) throw shown.reason
    } catch (error) {
      if (this.#wanted === key) fail(error)
    }
  }

  #remember<T>(kept: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
    const known = kept.get(key)
    if (known) return known
    const asked = ask()
    kept.set(key, asked)
    asked.catch(() => kept.delete(key))
    if (kept.size > KEPT) kept.delete(kept.keys().next().value!)
    return asked
  }

  go(index: number): void {
    const next = Math.max(0, Math.min(this.moments.length - 1, index))
    if (next === this.at) return
    this.at = next
    if (this.moment) announce(when(this.moment.at))
  }

  goTo(seq: number): void {
    this.go(momentAt(this.moments, seq))
  }

  /** To the end of the session before or after. */
  leap(step: 1 | -1): void {
    const here = this.moment?.session ?? 0
    const ends = this.moments.flatMap(({ session }, index) => (session !== this.moments[index + 1]?.session ? [index] : []))
    const at = ends.findIndex((index) => this.moments[index]!.session === here)
    const target = step < 0 ? ends.filter((index) => index < this.at).at(-1) : ends.slice(at).find((index) => index > this.at)
    this.go(target ?? (step < 0 ? 0 : this.moments.length - 1))
  }

  /** Does something to the canvas's past, says so, and offers to undo it when it can be. */
  async do(what: () => Promise<{ outcome?: string }>, said: string): Promise<boolean> {
    if (this.busy) return false
    this.busy = true
    try {
      const done = await what()
      if (done.outcome === 'unchanged') {
        toast('It reads like that already.')
        return true
      }
      await this.load()
      this.at = Math.max(0, this.moments.length - 1)
      const deed = this.timeline?.sessions.at(-1)?.notes.findLast(({ type }) => DEEDS.has(type))
      const fresh = deed && deed.seq > (this.timeline?.tip ?? 0) - 5 ? deed : undefined
      toast(said, fresh ? { action: { label: 'Undo', run: () => this.undo(fresh.seq) } } : {})
      return true
    } catch (error) {
      fail(error)
      return false
    } finally {
      this.busy = false
    }
  }

  undo(deed: number): Promise<boolean> {
    return this.do(() => api.turnBack(this.session.id, 'undo', { deed }), 'Undone.')
  }

  async call(name: string, seq: number): Promise<boolean> {
    return this.#rename(() => api.nameVersion(this.session.id, { name, seq }))
  }
  async recall(version: Version, name: string): Promise<boolean> {
    return this.#rename(() => api.renameVersion(this.session.id, version.id, name))
  }
  async forget(version: Version): Promise<boolean> {
    return this.#rename(() => api.deleteVersion(this.session.id, version.id))
  }
  async #rename(what: () => Promise<unknown>): Promise<boolean> {
    try {
      await what()
      await this.load()
      return true
    } catch (error) {
      fail(error)
      return false
    }
  }

  mayCall(version: Version): boolean {
    return this.session.isOwner || version.participant === this.session.me.id
  }
}

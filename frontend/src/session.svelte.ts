import * as decoding from 'lib0/decoding'
import { IndexeddbPersistence } from 'y-indexeddb'
import type { Awareness } from 'y-protocols/awareness'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { ApiError, api, type ActionBody, type Ask, type CanvasInfo, freshKey, type Kind, type Me, type Outcome, type Participant, type Place, type Role, type Run } from './api'
import { batchRemoteUpdates } from './batch'
import { type Closed, closedBy } from './closed'
import { Outbox } from './editor/suggesting/outbox.svelte'
import { fail } from './notices.svelte'
import { Runs } from './runs.svelte'
import { countLines, type Message, type Page, type Suggestion, type Thread, watch } from './views'

export type { Ask, Me, Outcome, Place, Role, Run } from './api'
export type { Comment, Hunk, Message, Page, Suggestion, Thread } from './views'

/** Somebody who is here now, a person or an agent; two tabs of one person are one. */
export interface Person {
  id: string
  name: string
  color: string
  kind: Kind
  role: Role | ''
  page: string
  status: string
  self: boolean
}

/** What is selected in the editor, or where the caret is; the editor keeps it up to date. */
export interface Selection { page: string; text: string; words: number }

/** What the shell asks of the editor that is on the screen. */
export interface EditorHandle {
  focus: () => void
  /** Where the caret is, in a form that an action takes: `start` is a relative position as a JSON object. */
  caret: () => { page: string; start: unknown; before: string; after: string }
  /** What is selected, as a place with its quote; null when nothing is. */
  selected: () => Place | null
}

/** Message type by which the studio says how many of this line's edits are on its disk. */
const ACK = 100
const RANK: Record<Role, number> = { viewer: 0, commenter: 1, editor: 2, owner: 3 }

interface Doors {
  /** What a socket is made of; tests bring their own. */
  socket?: typeof WebSocket
  reload?: () => void
}

/** Everything shared about one open canvas. Components read the reactive fields; the editor also reads the Yjs types. */
export class Session {
  readonly doc = new Y.Doc()
  readonly provider: WebsocketProvider
  readonly awareness: Awareness

  me = $state.raw<Me>() as Me
  title = $state('')
  /** Every page in order, also the removed ones. */
  pages = $state.raw<Page[]>([])
  suggestions = $state.raw<Suggestion[]>([])
  threads = $state.raw<Thread[]>([])
  readonly #opened = Date.now() / 1000 - 2
  chat = $state.raw<Message[]>([])
  people = $state.raw<Person[]>([])
  /** Words by page id. */
  words = $state.raw<ReadonlyMap<string, number>>(new Map())

  /** The page on the screen. */
  page = $state('')
  selection = $state.raw<Selection | null>(null)
  /** Set by the editor while it is on the screen. */
  editor = $state.raw<EditorHandle | null>(null)
  /** A place the editor should scroll to and mark; it sets this back to null when done. */
  target = $state.raw<Place | null>(null)

  /** The line is up and both sides hold the same text. */
  online = $state(false)
  /** There is a text to show. Latched: losing the line must not close the editor. */
  synced = $state(false)
  closed = $state.raw<Closed | null>(null)
  #sent = $state(0)
  #acked = $state(0)
  /** Edits made here that no connection has carried to the studio yet. */
  #waiting = $state(false)

  /** Whether what is typed becomes suggestions, for those who could also write. Kept for this canvas in this browser. */
  #suggesting = $state(false)

  readonly saved: boolean = $derived.by(() => this.online && this.#acked >= this.#sent && !this.#waiting && this.outbox.waiting === 0)
  readonly state: 'connecting' | 'saving' | 'saved' | 'offline' | 'closed' = $derived(
    this.closed ? 'closed' : this.online ? (this.saved ? 'saved' : 'saving') : this.synced ? 'offline' : 'connecting',
  )
  readonly canComment: boolean = $derived(RANK[this.me.role] >= RANK.commenter)
  readonly canEdit: boolean = $derived(RANK[this.me.role] >= RANK.editor && !this.closed)
  /** What is typed becomes suggestions: chosen by those who may write, always so for those who may only comment. */
  readonly suggests: boolean = $derived(this.canComment && !this.closed && (!this.canEdit || this.#suggesting))
  readonly isOwner: boolean = $derived(this.me.role === 'owner')
  readonly livePages: Page[] = $derived(this.pages.filter((page) => !page.removed))

  /** What is typed in suggesting mode, on its way. */
  readonly outbox: Outbox
  readonly #work = new Runs(() => this.me.id)
  readonly #local: IndexeddbPersistence | null
  readonly #ends: (() => void)[] = []
  readonly #dirty = new Set<string>()
  /** How many words each line of a page had: a key counts one line anew, not the book. */
  readonly #lines = new Map<string, Map<string, number>>()
  #ended = false
  #counting: ReturnType<typeof setTimeout> | undefined
  #pause = 250

  /** Asks the studio who we are here, then connects. */
  static async open(canvas: string): Promise<Session> {
    return new Session(await api.seat(canvas))
  }

  constructor(readonly info: CanvasInfo, doors: Doors = {}) {
    const { id, epoch, role } = info
    this.me = { ...participant(info.you), role }
    this.title = info.title ?? ''
    this.#suggesting = stored(`studiolo:suggesting:${id}`) === 'yes'
    this.outbox = new Outbox(`studiolo:outbox:${id}:${this.me.id}`, {
      send: (action, key) => api.act(id, action, key),
      ...(typeof localStorage === 'undefined' ? {} : { storage: localStorage }),
    })
    this.#reload = doors.reload ?? (() => location.reload())

    this.#local = typeof indexedDB === 'undefined' ? null : new IndexeddbPersistence(`studiolo:${id}:${epoch}:${this.me.id}`, this.doc)
    this.#local?.on('synced', () => {
      this.synced ||= this.pages.length > 0
    })

    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    this.provider = new WebsocketProvider(`${scheme}://${location.host}/sync`, id, this.doc, {
      params: { ack: '1', epoch },
      disableBc: true,
      maxBackoffTime: 4000,
      connect: false,
      WebSocketPolyfill: this.#counted(doors.socket ?? WebSocket),
    })
    this.awareness = this.provider.awareness
    this.#wire()
    if (this.#local) void this.#connect(this.#local)
    else this.provider.connect()
  }

  /** Reads this browser's own copy first: then only what is missing in it has to come over the line. */
  async #connect(local: IndexeddbPersistence): Promise<void> {
    await Promise.race([local.whenSynced, new Promise((resolve) => setTimeout(resolve, 1500))])
    if (!this.#ended) this.provider.connect()
  }

  readonly #reload: () => void

  get id(): string {
    return this.info.id
  }

  /** What agents were asked since this page was opened, as far as it is known here. */
  get runs(): Run[] {
    return this.#work.all
  }

  get activeRuns(): Run[] {
    return this.#work.active
  }

  /** A socket that counts the edits it carries, so that they can be told from those the studio has kept. */
  #counted(Base: typeof WebSocket): typeof WebSocket {
    const sending = () => {
      this.#sent++
      this.#waiting = false
    }
    return class extends Base {
      override send(data: Parameters<WebSocket['send']>[0]) {
        if (data instanceof Uint8Array && data[0] === 0 && (data[1] === 1 || data[1] === 2)) sending()
        super.send(data)
      }
    }
  }

  #wire(): void {
    const { provider, awareness, doc } = this
    batchRemoteUpdates(provider)
    provider.messageHandlers[ACK] = (_encoder, decoder) => {
      this.#acked = decoding.readVarUint(decoder)
    }
    provider.on('status', ({ status }) => {
      if (status !== 'connected') this.online = false
      if (status === 'connecting') this.#sent = this.#acked = 0
    })
    provider.on('sync', (ok) => {
      this.online = ok
      if (!ok) return
      this.synced = true
      sessionStorage.removeItem(`studiolo:reloaded:${this.id}`)
    })
    provider.on('closed', ({ code, reason }) => void this.#shut(code, reason))
    provider.on('connection-close', (event) => {
      if (event && provider.wsUnsuccessfulReconnects % 4 === 3) void this.#probe()
    })

    const onupdate = (_update: Uint8Array, origin: unknown) => {
      if (origin === provider) return
      if (!provider.wsconnected) this.#waiting = true
    }
    doc.on('update', onupdate)
    const ontexts = (events: Y.YEvent<Y.AbstractType<unknown>>[]) => {
      for (const event of events) if (event.path.length || event.target !== (doc.getMap('pages') as unknown)) this.#count(String(event.path[0]))
    }
    this.#ends.push(
      watch(doc, (name, value) => {
        if (name === 'title') this.title = (value as string) || this.title
        else if (name === 'pages') this.#showPages(value as Page[])
        else if (name === 'suggestions') this.#showSuggestions(value as Suggestion[])
        else if (name === 'threads') this.threads = value as Thread[]
        else this.#showChat(value as Message[])
      }),
      () => doc.off('update', onupdate),
      () => doc.getMap('pages').unobserveDeep(ontexts),
    )
    doc.getMap('pages').observeDeep(ontexts)

    awareness.setLocalStateField('user', { ...this.me })
    const onpeople = () => this.#showPeople()
    awareness.on('change', onpeople)
    this.#ends.push(() => awareness.off('change', onpeople))
    this.#showPeople()

    // Whoever comes back to the page, or back online, should not have to wait for the next try.
    const hurry = () => {
      if (!this.closed && !provider.wsconnected && !document.hidden) provider.connect()
    }
    addEventListener('online', hurry)
    document.addEventListener('visibilitychange', hurry)
    this.#ends.push(() => {
      removeEventListener('online', hurry)
      document.removeEventListener('visibilitychange', hurry)
    })

    // With no copy kept by the browser, leaving now would lose what the studio does not have yet.
    const onleave = (event: BeforeUnloadEvent) => {
      if (!this.#local && !this.saved && this.#sent + Number(this.#waiting) > 0) event.preventDefault()
    }
    addEventListener('beforeunload', onleave)
    this.#ends.push(() => removeEventListener('beforeunload', onleave))
  }

  #showPages(pages: Page[]): void {
    this.pages = pages
    for (const { id } of pages) if (!this.words.has(id)) this.#count(id)
    const here = pages.find((page) => page.id === this.page)
    if (pages.length && (!here || here.removed)) this.setPage(this.livePages[0]?.id ?? '')
  }

  #showSuggestions(suggestions: Suggestion[]): void {
    this.suggestions = suggestions
    for (const { run, status } of suggestions) if (run && status === 'streaming') this.#work.follow(run)
  }

  #showChat(chat: Message[]): void {
    this.chat = chat
    // What others ask is followed, too, from the moment that it is said; and what waits for an answer, however old.
    for (const { run, status, at, card } of chat) {
      if (run && (status === 'writing' || at >= this.#opened || (card && card.answer === undefined))) this.#work.follow(run)
    }
  }

  #showPeople(): void {
    const found = new Map<string, Person>()
    for (const [client, state] of this.awareness.getStates()) {
      const user = state['user'] as Partial<Me> | undefined
      if (!user?.name) continue
      const self = client === this.doc.clientID || user.id === this.me.id
      const id = String(user.id ?? client)
      const old = found.get(id)
      found.set(id, {
        id, self, name: user.name, color: user.color ?? '#606c00', kind: user.kind === 'agent' ? 'agent' : 'person', role: user.role ?? '',
        page: String(state['page'] ?? old?.page ?? ''), status: String(state['status'] || old?.status || ''),
      })
    }
    const people = [...found.values()].sort((a, b) => Number(b.self) - Number(a.self) || a.kind.localeCompare(b.kind) * -1 || a.name.localeCompare(b.name))
    // Carets move many times a second; who is here does not.
    if (JSON.stringify(people) !== JSON.stringify(this.people)) this.people = people
  }

  #count(page: string): void {
    this.#dirty.add(page)
    // Counting may take a twentieth of the time at most, so that a book on one page does not hold up whoever types in it.
    this.#counting ??= setTimeout(() => {
      this.#counting = undefined
      const began = performance.now()
      const words = new Map(this.words)
      for (const { id } of this.pages) if (this.#dirty.has(id)) {
        const counted = countLines(String(this.text(id)), this.#lines.get(id) ?? new Map())
        this.#lines.set(id, counted.lines)
        words.set(id, counted.words)
      }
      this.#dirty.clear()
      this.words = words
      this.#pause = Math.max(250, 20 * (performance.now() - began))
    }, this.#pause)
  }

  /** The shared text of a page that is in `pages`. */
  text(page: string): Y.Text {
    const text = (this.doc.getMap('pages').get(page) as Y.Map<unknown> | undefined)?.get('text')
    if (text instanceof Y.Text) return text
    throw new Error(`There is no page ${page} in this canvas.`)
  }

  /** The end of a page, as a place to insert at. */
  endOf(page: string): { page: string; start: unknown; before: string; after: string } {
    const text = this.text(page)
    const start: unknown = JSON.parse(JSON.stringify(Y.createRelativePositionFromTypeIndex(text, text.length, -1)))
    // Not from the middle of a sign that takes two units.
    const before = String(text).slice(-120).replace(/^[\uDC00-\uDFFF]/, '')
    return { page, start, before, after: '' }
  }

  suggest(yes: boolean): void {
    this.#suggesting = yes
    try {
      localStorage.setItem(`studiolo:suggesting:${this.id}`, yes ? 'yes' : 'no')
    } catch {
      // Not kept: the next visit begins by writing.
    }
  }

  suggestionsOn(page: string): Suggestion[] {
    return this.suggestions.filter((suggestion) => suggestion.page === page)
  }

  setPage(id: string): void {
    if (this.page === id) return
    this.page = id
    this.selection = null
    this.awareness?.setLocalStateField('page', id)
  }

  /** Brings a place onto the screen, on whatever page it is. */
  show(place: Place): void {
    this.setPage(place.page)
    this.target = place
  }

  /** Does one thing to the canvas. A failure is shown to the person, unless it is `expected`, and thrown on. */
  async act(action: ActionBody, expected = ''): Promise<Outcome> {
    try {
      return await api.act(this.id, action, freshKey())
    } catch (error) {
      if (!(error instanceof ApiError && error.code === expected)) fail(error)
      throw error
    }
  }

  /** Sets an agent to work. What it makes arrives in the document; the run says how it goes. */
  async ask(ask: Ask): Promise<Run> {
    try {
      const { run: id } = await api.ask(this.id, ask)
      const begun: Run = {
        id, canvas: this.id, agent: ask.agent ?? 'co-author', prompt: ask.prompt, state: 'queued', by: this.me, ...(ask.skill ? { skill: ask.skill } : {}),
      }
      this.#work.begin(begun)
      return begun
    } catch (error) {
      fail(error)
      throw error
    }
  }

  /** What agents do, step by step, and what people want of them meanwhile. */
  get work(): Runs {
    return this.#work
  }

  readonly stop = (run: Run | string): Promise<void> => this.#work.stop(typeof run === 'string' ? run : run.id)

  /** The line failed several times: find out whether it is the line, or that we are not wanted. */
  async #probe(): Promise<void> {
    try {
      const info = await api.seat(this.id)
      if (info.epoch !== this.info.epoch) await this.#shut(4409)
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0
      if (status === 401 || status === 403 || status === 404) await this.#shut(4000 + status)
    }
  }

  async #shut(code: number, reason = ''): Promise<void> {
    this.provider.shouldConnect = false
    const flag = `studiolo:reloaded:${this.id}`
    if (code === 4409 && !sessionStorage.getItem(flag) && (await this.#sameThere())) {
      // Nothing of ours is missing there, so take the studio's version without asking; but never in a circle.
      sessionStorage.setItem(flag, '1')
      await this.#local?.clearData()
      this.#reload()
      return
    }
    this.closed = closedBy(code, reason)
  }

  /** Whether the studio's version has every text as it stands here. After a restored backup even what was once saved may be missing. */
  async #sameThere(): Promise<boolean> {
    const known = this.livePages.map((page) => [page.id, String(this.text(page.id))] as const)
    try {
      const { pages } = await api.canvas(this.id)
      const there = new Map(pages.map((page) => [page.id, page.text]))
      return known.every(([id, text]) => !text || there.get(id) === text)
    } catch {
      return false
    }
  }

  /** Forgets this browser's copy and starts again from the studio's. */
  async startOver(): Promise<void> {
    if (this.closed?.code === 4403 || this.closed?.code === 4409) await this.#local?.clearData()
    this.#reload()
  }

  destroy(): void {
    this.#ended = true
    for (const end of this.#ends) end()
    this.#work.close()
    this.outbox.close()
    clearTimeout(this.#counting)
    this.provider.destroy()
    void this.#local?.destroy()
    this.doc.destroy()
  }
}

function stored(name: string): string | null {
  try {
    return localStorage.getItem(name)
  } catch {
    return null
  }
}

function participant(you: Participant & { participant?: Participant }): Participant {
  const { id, name, kind, color } = you.participant ?? you
  return { id, name, kind, color }
}

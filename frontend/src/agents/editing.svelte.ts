/** One agent's file while somebody works on it: its text, what the studio makes of it, and who else changed it. */
import { api, ApiError } from '../api'
import { fail, toast } from '../notices.svelte'
import { studio } from '../studio.svelte'
import { type Agent, type AgentFile, type Checked, withField, written } from './agents'

const CHECK_AFTER = 250 // milliseconds without a key

/** What somebody else saved meanwhile. */
export interface Other { text: string; etag: string }

export class Editing {
  text = $state('')
  /** The text as it was last known to be on the disk. */
  saved = $state('')
  /** What is read from the text; of a text that cannot be read, what was read last. */
  agent = $state.raw<Agent | null>(null)
  checked = $state.raw<Checked | null>(null)
  file = $state.raw<AgentFile | null>(null)
  /** Somebody else's text, when it is in the way of this one. */
  other = $state.raw<Other | null>(null)
  busy = $state(false)
  readonly dirty = $derived(this.text !== this.saved)
  readonly problem = $derived(this.checked?.problem ?? null)

  #etag = ''
  #timer: ReturnType<typeof setTimeout> | undefined
  #asked = 0

  constructor(
    /** '' for one that is not saved yet. */
    public id: string,
    start: AgentFile | string,
  ) {
    if (typeof start === 'string') {
      this.text = start
      void this.#check()
    } else this.#take(start)
  }

  get isNew(): boolean {
    return this.file === null
  }

  #take(file: AgentFile): void {
    this.file = file
    this.id = file.id
    this.text = this.saved = file.text
    this.#etag = file.etag
    this.other = null
    this.agent = file.agent ?? this.agent
    this.checked = { agent: file.agent, problem: file.problem, look_at: [] }
  }

  /** The whole text anew. */
  readonly write = (text: string): void => {
    if (text === this.text) return
    this.text = text
    clearTimeout(this.#timer)
    if (studio.may.edit) this.#timer = setTimeout(() => void this.#check(), CHECK_AFTER)
  }

  /** One field; it shows at once, and the studio says afterwards whether it can be. */
  readonly set = (field: string, value: unknown): void => {
    this.write(withField(this.text, field, written(field, value)))
    const agent = this.agent
    if (!agent) return
    if (field === 'skills') this.agent = { ...agent, skills: (value as string[]).map((name) => ({ name, label: studio.words?.skills[name] ?? name })) }
    else if (field === 'model') this.agent = { ...agent, model: { used: agent.model?.used ?? null, wishes: value as string[] } }
    else if (field === 'role') this.agent = { ...agent, wants: String(value) }
    else this.agent = { ...agent, [field]: value }
  }

  async #check(): Promise<void> {
    const asked = ++this.#asked
    const text = this.text
    try {
      const checked = await api.checkAgent(this.id, text)
      // A later key has asked again.
      if (asked !== this.#asked || text !== this.text) return
      this.checked = checked
      this.agent = checked.agent ?? this.agent
    } catch {
      // Saving will say what is wrong.
    }
  }

  /** Whether it is on the disk now. What somebody else wrote meanwhile is never written over: it becomes `other`. */
  async save(over = ''): Promise<boolean> {
    if (this.busy) return false
    this.busy = true
    clearTimeout(this.#timer)
    const before = this.isNew ? null : this.saved
    try {
      const { text } = this
      const file = this.isNew ? await api.makeAgent({ text, ...(this.id ? { id: this.id } : {}) }) : await api.saveAgent(this.id, text, over || this.#etag)
      this.#asked++
      this.#take(file)
      void studio.lookForAgents().catch(() => undefined)
      toast(`${file.agent?.name ?? 'It'} is saved, and can be asked at once.`, before === null || before === file.text ? {} : { action: { label: 'Undo', run: () => this.#back(before) } })
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      const { line, text, etag } = error.details as { line?: number; text?: string; etag?: string }
      if (error.status === 409 && typeof text === 'string' && etag) this.other = { text, etag }
      else if (typeof line === 'number') this.checked = { agent: null, look_at: [], problem: { agent: this.id, file: '', line, message: error.message, hint: error.hint } }
      else fail(error)
      return false
    } finally {
      this.busy = false
    }
  }

  async #back(text: string): Promise<void> {
    this.write(text)
    await this.save()
  }

  /** Look whether the file is another by now. A text that nobody works on here follows it. */
  async look(): Promise<void> {
    if (this.isNew || this.busy) return
    let now: AgentFile
    try {
      now = await api.agent(this.id)
    } catch {
      return
    }
    if (this.busy || now.etag === this.#etag) {
      if (this.file && now.agent?.role !== this.file.agent?.role) this.file = now
      return
    }
    if (!this.dirty) {
      const { saved } = this
      this.#take(now)
      if (now.text !== saved) toast(`${now.agent?.name ?? 'The file'} was changed elsewhere; this is how it is now.`)
    } else if (now.text === this.text) this.#take(now)
    else this.other = { text: now.text, etag: now.etag }
  }

  takeTheirs(): void {
    const { other } = this
    if (!other) return
    this.text = this.saved = other.text
    this.#etag = other.etag
    this.other = null
    void this.#check()
  }

  async saveMine(): Promise<boolean> {
    const { other } = this
    if (!other) return false
    this.saved = other.text
    return this.save(other.etag)
  }

  discard(): void {
    this.write(this.saved)
    clearTimeout(this.#timer)
    this.other = null
    void this.#check()
  }

  /** Delete the studio's own file: the agent is gone, or is the shipped one again. Whether it is gone. */
  async remove(): Promise<boolean> {
    const after = await api.deleteAgent(this.id)
    void studio.lookForAgents().catch(() => undefined)
    if ('deleted' in after) return true
    this.#take(after)
    return false
  }

  async trust(role: 'editor' | null): Promise<void> {
    try {
      const now = await api.trustAgent(this.id, role)
      this.file = now
      if (this.agent && now.agent) this.agent = { ...this.agent, role: now.agent.role ?? 'commenter' }
      void studio.lookForAgents().catch(() => undefined)
    } catch (error) {
      fail(error)
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#asked++
  }
}

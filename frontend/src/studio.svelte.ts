import type { Agent, Problem, Words } from './agents/agents'
import { api, ApiError, type Model, type Participant, type Role } from './api'
import { Remembered } from './remembered.svelte'

/** What is the same on every canvas: who I am, which agents there are and which models they can use. */
class Studio {
  me = $state.raw<Participant | null>(null)
  /** Whether the studio has been asked who this is. */
  met = $state(false)
  role = $state.raw<Role | null>(null)
  agents = $state.raw<Agent[]>([])
  /** What is wrong with files of agents; for those who may mend them. */
  problems = $state.raw<Problem[]>([])
  /** What this person may do with agents. */
  may = $state.raw({ edit: false, trust: false })
  words = $state.raw<Words | null>(null)
  models = $state.raw<Model[]>([])
  defaultModel = $state('')
  readonly #chosen = new Remembered<string>('model', '')

  /** The model that this person chose for all requests; undefined: each agent's own. */
  readonly chosen: Model | undefined = $derived(this.models.find((model) => model.name === this.#chosen.value && model.ready))

  /** The model that a request to no agent in particular is sent with. */
  readonly model: Model | undefined = $derived(
    this.chosen
      ?? this.models.find((model) => model.name === this.defaultModel)
      ?? this.models.find((model) => model.ready),
  )

  /** The signed-in participant, or null. Other failures are thrown. */
  async meet(): Promise<Participant | null> {
    try {
      const { participant, role } = await api.me()
      this.me = participant
      this.role = role
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401)) throw error
      this.me = this.role = null
    }
    this.met = true
    return this.me
  }

  async meetAgents(): Promise<void> {
    const [, { models, default: first }] = await Promise.all([this.lookForAgents(), api.models()])
    this.models = models
    this.defaultModel = first
  }

  #looked = 0

  /** Who can be asked now: their files may have changed. */
  async lookForAgents(): Promise<void> {
    this.#looked = performance.now()
    const { agents, problems, may, words } = await api.agents()
    this.agents = agents
    this.problems = problems ?? []
    this.may = may ?? this.may
    this.words = words ?? null
  }

  #soon: ReturnType<typeof setTimeout> | undefined

  /** Looks again where agents are about to be chosen: at once, or, where somebody looked just now, two seconds after that. */
  readonly freshAgents = (): void => {
    if (this.#soon) return
    this.#soon = setTimeout(() => {
      this.#soon = undefined
      this.lookForAgents().catch(() => undefined)
    }, Math.max(0, this.#looked + 2000 - performance.now()))
  }

  agent(id: string): Agent | undefined {
    return this.agents.find((agent) => agent.id === id)
  }

  /** The model that an agent would speak with, if it were asked by this person now. */
  modelOf(agent: Agent | undefined): Model | undefined {
    return this.chosen ?? agent?.model?.used ?? this.model
  }

  /** What a request says of the model: nothing, where each agent is to use its own. */
  get withModel(): { model?: string } {
    return this.chosen ? { model: this.chosen.name } : {}
  }

  /** "" for each agent's own. */
  choose(model: string): void {
    this.#chosen.value = model
  }
}

export const studio = new Studio()

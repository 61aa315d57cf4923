import { api, ApiError, type Agent, type Model, type Participant, type Role } from './api'
import { Remembered } from './remembered.svelte'

/** What is the same on every canvas: who I am, which agents there are and which models they can use. */
class Studio {
  me = $state.raw<Participant | null>(null)
  /** Whether the studio has been asked who this is. */
  met = $state(false)
  role = $state.raw<Role | null>(null)
  agents = $state.raw<Agent[]>([])
  models = $state.raw<Model[]>([])
  defaultModel = $state('')
  readonly #chosen = new Remembered<string>('model', '')

  /** The model that the next request is sent with. */
  readonly model: Model | undefined = $derived(
    this.models.find((model) => model.name === this.#chosen.value && model.ready)
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
    const [{ agents }, { models, default: first }] = await Promise.all([api.agents(), api.models()])
    this.agents = agents
    this.models = models
    this.defaultModel = first
  }

  choose(model: string): void {
    this.#chosen.value = model
  }
}

export const studio = new Studio()

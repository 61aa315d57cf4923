import { getContext, setContext } from 'svelte'
import { MediaQuery } from 'svelte/reactivity'
import type { Draft } from '../budget/policies'
import { Remembered } from '../remembered.svelte'

export type Dialogs = '' | 'palette' | 'share' | 'help' | 'budget' | 'webhooks' | 'download' | 'connect' | 'taste' | 'runs' | 'agents' | 'round' | 'task'
export type Panel = 'pages' | 'chat' | 'tasks'

/** What lies around the text on this person's screen: panels, dialogs, quiet. Nothing here is shared. */
export class Desk {
  dialog = $state<Dialogs>('')
  /** A policy that somebody began to make from a suggestion. */
  draft = $state.raw<Draft | null>(null)
  /** What a task that is about to be begun has been told already. */
  task = $state.raw<{ kind?: string; given?: Record<string, unknown> }>({})
  focus = $state(false)
  /** Whether the canvas is shown as it was, in the place of its text. */
  history = $state(false)
  /** `auto`: a list of one page says nothing, so it shows from the second page on. */
  readonly #pages = new Remembered<'auto' | 'yes' | 'no'>('pages', 'auto', ['auto', 'yes', 'no'])
  readonly #chat = new Remembered<boolean>('chat', true)
  /** Whether the tasks stand where the conversation does. */
  #tasks = $state(false)
  /** The one panel that covers the text where there is no room beside it. */
  sheet = $state<Panel | ''>('')

  readonly #phone = new MediaQuery('max-width: 759px')
  readonly #narrow = new MediaQuery('max-width: 1439px')

  constructor(readonly manyPages: () => boolean) {}

  get phone(): boolean {
    return this.#phone.current
  }

  /** Room for only one panel beside the text. */
  get narrow(): boolean {
    return this.#narrow.current
  }

  shows(panel: Panel): boolean {
    if (this.focus || this.history) return false
    if (this.phone) return this.sheet === panel
    if (panel === 'tasks') return this.#tasks
    if (panel === 'chat') return this.#chat.value && !this.#tasks
    if (this.narrow && (this.#chat.value || this.#tasks)) return false
    return this.#pages.value === 'yes' || (this.#pages.value === 'auto' && this.manyPages())
  }

  open(panel: Panel): void {
    this.focus = this.history = false
    if (this.phone) this.sheet = panel
    else {
      if (panel === 'tasks') this.#tasks = true
      else if (panel === 'chat') {
        this.#chat.value = true
        this.#tasks = false
      } else {
        this.#pages.value = 'yes'
        if (this.narrow) this.#chat.value = this.#tasks = false
      }
    }
  }

  close(panel: Panel): void {
    if (this.phone) this.sheet = ''
    else if (panel === 'tasks') this.#tasks = false
    else if (panel === 'chat') this.#chat.value = false
    else this.#pages.value = 'no'
  }

  toggle(panel: Panel): void {
    if (this.shows(panel)) this.close(panel)
    else this.open(panel)
  }
}

export const DESK = Symbol('desk')
export const keepDesk = (desk: Desk): Desk => setContext(DESK, desk)
export const getDesk = (): Desk => getContext<Desk>(DESK)

import { getContext, setContext } from 'svelte'
import { MediaQuery } from 'svelte/reactivity'
import { Remembered } from '../remembered.svelte'

export type Dialogs = '' | 'palette' | 'share' | 'help'
export type Panel = 'pages' | 'chat'

/** What lies around the text on this person's screen: panels, dialogs, quiet. Nothing here is shared. */
export class Desk {
  dialog = $state<Dialogs>('')
  focus = $state(false)
  readonly #pages = new Remembered<boolean>('pages', true)
  readonly #chat = new Remembered<boolean>('chat', true)
  /** The one panel that covers the text where there is no room beside it. */
  sheet = $state<Panel | ''>('')

  readonly #phone = new MediaQuery('max-width: 759px')
  readonly #narrow = new MediaQuery('max-width: 1239px')

  get phone(): boolean {
    return this.#phone.current
  }

  /** Room for only one panel beside the text. */
  get narrow(): boolean {
    return this.#narrow.current
  }

  shows(panel: Panel): boolean {
    if (this.focus) return false
    if (this.phone) return this.sheet === panel
    if (this.narrow) return panel === 'chat' ? this.#chat.value : this.#pages.value && !this.#chat.value
    return panel === 'chat' ? this.#chat.value : this.#pages.value
  }

  open(panel: Panel): void {
    this.focus = false
    if (this.phone) this.sheet = panel
    else {
      const [it, other] = panel === 'chat' ? [this.#chat, this.#pages] : [this.#pages, this.#chat]
      it.value = true
      if (this.narrow) other.value = false
    }
  }

  close(panel: Panel): void {
    if (this.phone) this.sheet = ''
    else (panel === 'chat' ? this.#chat : this.#pages).value = false
  }

  toggle(panel: Panel): void {
    if (this.shows(panel)) this.close(panel)
    else this.open(panel)
  }
}

const KEY = Symbol('desk')
export const keepDesk = (desk: Desk): Desk => setContext(KEY, desk)
export const getDesk = (): Desk => getContext<Desk>(KEY)

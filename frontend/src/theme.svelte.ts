import { Remembered } from './remembered.svelte'

export type Theme = 'system' | 'light' | 'dark'
const THEMES: readonly Theme[] = ['system', 'light', 'dark']

class ThemeChoice {
  readonly #kept = new Remembered<Theme>('theme', 'system', THEMES)

  get value(): Theme {
    return this.#kept.value
  }

  set(value: Theme): void {
    this.#kept.value = value
    this.apply()
  }

  /** From what is on the screen to its opposite, whatever the system says. */
  toggle(): void {
    this.set(this.dark ? 'light' : 'dark')
  }

  get dark(): boolean {
    return this.value === 'dark' || (this.value === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  }

  apply(): void {
    if (this.value === 'system') delete document.documentElement.dataset['theme']
    else document.documentElement.dataset['theme'] = this.value
  }
}

export const theme = new ThemeChoice()

import { type Component, untrack } from 'svelte'

/**
 * One thing a person can do, said once: the palette, the menus, the help page and the keyboard all read it here.
 * `keys` are written as in CodeMirror: `Mod-k` (Cmd on a Mac, Ctrl elsewhere), `Shift-F8`, `Ctrl-Alt-Enter`, `?`.
 * They win over the editor's own keys, so a key must not be one that typing needs.
 */
export interface Action {
  /** Stable and unique: `page.add`, `review.accept`. Registering the same id again replaces the older one. */
  id: string
  label: string
  group: 'Write' | 'Review' | 'Agents' | 'Pages' | 'View' | 'Canvas'
  icon?: Component<any>
  keys?: string[]
  /** More words that a search in the palette finds it by. */
  words?: string
  /** Absent means always. Read inside a derivation, so it may look at reactive state. */
  when?: () => boolean
  run: () => unknown
}

export class Actions {
  #known = $state.raw<ReadonlyMap<string, Action>>(new Map())

  /** Those that can be run now. */
  readonly list: Action[] = $derived([...this.#known.values()].filter((action) => action.when?.() ?? true))

  /** Adds actions; the answer takes them away again. Usable from `$effect` and `onMount` as it is. */
  readonly register = (actions: Action[]): (() => void) => {
    // Untracked, so that an effect which registers does not wait for its own registering.
    const next = new Map(untrack(() => this.#known))
    for (const action of actions) next.set(action.id, action)
    this.#known = next
    return () => {
      const left = new Map(untrack(() => this.#known))
      for (const action of actions) if (left.get(action.id) === action) left.delete(action.id)
      this.#known = left
    }
  }

  get(id: string): Action | undefined {
    const action = this.#known.get(id)
    return action && (action.when?.() ?? true) ? action : undefined
  }

  run(id: string): void {
    void this.get(id)?.run()
  }

  /** Runs the action a key press stands for; says whether there was one. */
  readonly press = (event: KeyboardEvent): boolean => {
    if (event.defaultPrevented || event.isComposing) return false
    const action = this.list.find(({ keys }) => keys?.some((key) => matches(key, event)))
    if (!action) return false
    event.preventDefault()
    event.stopPropagation()
    void action.run()
    return true
  }
}

export const mac = /Mac|iP(hone|ad|od)/.test(globalThis.navigator?.platform ?? '')

/** Keys without Ctrl, Alt or Cmd are letters while somebody writes. */
function writing(event: KeyboardEvent): boolean {
  const at = event.target
  return at instanceof HTMLElement && (at.isContentEditable || at.matches('input, textarea, select'))
}

export function matches(keys: string, event: KeyboardEvent): boolean {
  const parts = keys.split(/-(?!$)/)
  const key = parts.pop() ?? ''
  const wants = (name: string) => parts.includes(name)
  const mod = wants('Mod')
  const ctrl = wants('Ctrl') || (mod && !mac)
  const meta = wants('Meta') || (mod && mac)
  const alt = wants('Alt')
  if (event.ctrlKey !== ctrl || event.metaKey !== meta || event.altKey !== alt) return false
  const bare = !ctrl && !meta && !alt
  // Shift is part of how a sign such as `?` is typed, so it only counts for letters and named keys.
  const named = key.length > 1 || /[a-z]/i.test(key)
  if (named && event.shiftKey !== wants('Shift')) return false
  if (bare && key.length === 1 && writing(event)) return false
  if (event.key.toLowerCase() === key.toLowerCase()) return true
  // With Alt, some layouts type another sign: fall back on the physical key.
  return alt && key.length === 1 && event.code === `Key${key.toUpperCase()}`
}

const SIGNS: Record<string, string> = mac
  ? { Mod: '⌘', Ctrl: '⌃', Alt: '⌥', Shift: '⇧', Meta: '⌘', Enter: '↩', Backspace: '⌫', Escape: 'Esc' }
  : { Mod: 'Ctrl', Meta: 'Win', Escape: 'Esc' }

/** A key combination as its caps: `Mod-Alt-m` is `['Ctrl', 'Alt', 'M']`. */
export function caps(keys: string): string[] {
  return keys.split(/-(?!$)/).map((part) => SIGNS[part] ?? (part.length === 1 ? part.toUpperCase() : part))
}

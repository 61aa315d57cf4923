/**
 * Where agents work: a soft tint in their colour over the passage, with their name, for as long as they do.
 *
 * What they claim is in their awareness as relative positions. It is looked up when they say something new, and carried
 * along with edits in between.
 */
import { type Extension, StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, ViewPlugin, WidgetType } from '@codemirror/view'
import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import { locator } from './anchors'
import { toView } from './suggesting/splice'

export interface Working { from: number; to: number; name: string; color: string }
export const setWorking = StateEffect.define<ReadonlyMap<number, Working>>()
const EVERY = 100

class Label extends WidgetType {
  constructor(readonly name: string, readonly color: string) {
    super()
  }
  override eq({ name, color }: Label) {
    return name === this.name && color === this.color
  }
  toDOM() {
    const at = document.createElement('span')
    at.className = 'working-name'
    at.style.setProperty('--who', this.color)
    at.ariaHidden = 'true'                   // the list of people says it, and not in the middle of a sentence
    at.dataset['name'] = `${this.name} is working here`
    return at
  }
}

function decorate(all: ReadonlyMap<number, Working>): DecorationSet {
  return Decoration.set(
    [...all.values()].flatMap(({ from, to, name, color }) => {
      const label = Decoration.widget({ widget: new Label(name, color), side: -1 }).range(from)
      return from < to ? [label, Decoration.mark({ class: 'working', attributes: { style: `--who:${color}` } }).range(from, to)] : [label]
    }),
    true,
  )
}

export const workingField = StateField.define<{ all: ReadonlyMap<number, Working>; deco: DecorationSet }>({
  create: () => ({ all: new Map(), deco: Decoration.none }),
  update(value, tr) {
    for (const effect of tr.effects) if (effect.is(setWorking)) return { all: effect.value, deco: decorate(effect.value) }
    if (!tr.docChanged || !value.all.size) return value
    const all = new Map([...value.all].map(([id, one]) => {
      const from = tr.changes.mapPos(one.from, 1)
      return [id, { ...one, from, to: Math.max(from, tr.changes.mapPos(one.to, -1)) }] as const
    }))
    return { all, deco: decorate(all) }
  },
  provide: (field) => EditorView.decorations.from(field, (value) => value.deco),
})

interface Presence { user?: { name?: string; color?: string }; working?: { page?: string; anchor: unknown; head: unknown } }

export function working({ text, page, awareness }: { text: Y.Text; page: string; awareness: Awareness }): Extension {
  const locate = locator(text)
  const plugin = ViewPlugin.fromClass(
    class {
      private soon: ReturnType<typeof setTimeout> | undefined
      private said = ''

      constructor(readonly view: EditorView) {
        awareness.on('change', this.onchange)
        this.onchange()
      }

      readonly onchange = () => {
        this.soon ??= setTimeout(this.refresh, EVERY)
      }

      readonly refresh = () => {
        this.soon = undefined
        const here = [...awareness.getStates()].filter(([id, state]) => id !== awareness.clientID && (state as Presence).working?.page === page)
        // Carets move all the time; claims do not.
        const said = JSON.stringify(here.map(([id, state]) => [id, (state as Presence).working, (state as Presence).user?.name]))
        if (said === this.said) return
        this.said = said
        const all = new Map<number, Working>()
        for (const [id, state] of here) {
          const { user, working: claim } = state as Presence
          const [anchor, head] = [locate(claim?.anchor), locate(claim?.head)]
          if (anchor === undefined || head === undefined) continue
          const from = toView(this.view.state, anchor, 1)
          all.set(id, { from, to: Math.max(from, toView(this.view.state, head, -1)), name: user?.name ?? 'An agent', color: user?.color ?? '#9048fc' })
        }
        this.view.dispatch({ effects: setWorking.of(all) })
      }

      destroy() {
        awareness.off('change', this.onchange)
        clearTimeout(this.soon)
      }
    },
  )
  return [workingField, plugin]
}

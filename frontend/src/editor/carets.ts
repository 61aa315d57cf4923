/**
 * Other people's and agents' carets on this page, and the sharing of our own.
 *
 * Finding a Yjs position walks the page's history, so a caret is looked up only when its owner moves it and is then
 * carried along with edits like any other mark. Both directions run at most ten times a second.
 */
import { type Extension, StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate, WidgetType } from '@codemirror/view'
import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import { locator, position } from './anchors'
import { toBase, toView } from './suggesting/splice'

export interface Caret { anchor: number; head: number; name: string; color: string; agent: boolean; status: string }
export type Carets = ReadonlyMap<number, Caret>

export const setCarets = StateEffect.define<Carets>()
const EVERY = 100

/** The flag of a caret; also drawn at the end of a suggestion that an agent is writing. */
export function flag({ name, color, agent, status }: Pick<Caret, 'name' | 'color' | 'agent' | 'status'>): HTMLElement {
  const caret = document.createElement('span')
  caret.className = agent ? 'peer agent' : 'peer'
  caret.style.setProperty('--who', color)
  caret.ariaHidden = 'true'                // who is here is told by the list of people, not in the middle of a sentence
  const label = document.createElement('span')
  label.className = 'peer-name'
  label.textContent = status ? `${name} · ${status}` : name
  caret.append(label)
  return caret
}

class Flag extends WidgetType {
  constructor(readonly caret: Caret) {
    super()
  }
  override eq({ caret }: Flag) {
    return caret.name === this.caret.name && caret.color === this.caret.color && caret.status === this.caret.status && caret.agent === this.caret.agent
  }
  toDOM() {
    return flag(this.caret)
  }
  override get estimatedHeight() {
    return 0
  }
}

function decorate(carets: Carets): DecorationSet {
  return Decoration.set(
    [...carets.values()].flatMap((caret) => {
      const from = Math.min(caret.anchor, caret.head)
      const to = Math.max(caret.anchor, caret.head)
      const at = Decoration.widget({ widget: new Flag(caret), side: caret.head < caret.anchor ? 1 : -1 }).range(caret.head)
      const wash = Decoration.mark({ class: 'peer-selection', attributes: { style: `--who:${caret.color}` } })
      return from < to ? [wash.range(from, to), at] : [at]
    }),
    true,
  )
}

export const caretField = StateField.define<{ carets: Carets; deco: DecorationSet }>({
  create: () => ({ carets: new Map(), deco: Decoration.none }),
  update(value, tr) {
    for (const effect of tr.effects) if (effect.is(setCarets)) return { carets: effect.value, deco: decorate(effect.value) }
    if (!tr.docChanged || !value.carets.size) return value
    // What appears at somebody's caret was most likely typed by them.
    const move = (pos: number) => tr.changes.mapPos(pos, 1)
    const carets = new Map([...value.carets].map(([id, caret]) => [id, { ...caret, anchor: move(caret.anchor), head: move(caret.head) }]))
    // Drawn anew rather than mapped: a widget would stay before what is typed at it.
    return { carets, deco: decorate(carets) }
  },
  provide: (field) => EditorView.decorations.from(field, (value) => value.deco),
})

interface Presence {
  user?: { id?: string; name?: string; color?: string; kind?: string }
  page?: string
  cursor?: { anchor: unknown; head: unknown } | null
  status?: string
}

interface Settings {
  text: Y.Text
  page: string
  awareness: Awareness
  /** Participants whose caret is drawn elsewhere: an agent that streams a suggestion stands at its end. */
  elsewhere: (participant: string) => boolean
}

export function carets({ text, page, awareness, elsewhere }: Settings): Extension {
  const locate = locator(text)
  const plugin = ViewPlugin.fromClass(
    class {
      private readonly changed = new Set<number>()
      private show: ReturnType<typeof setTimeout> | undefined
      private share: ReturnType<typeof setTimeout> | undefined

      constructor(readonly view: EditorView) {
        awareness.on('change', this.onchange)
        this.onchange({ added: [...awareness.getStates().keys()], updated: [], removed: [] })
      }

      readonly onchange = ({ added, updated, removed }: Record<'added' | 'updated' | 'removed', number[]>) => {
        for (const id of [...added, ...updated, ...removed]) if (id !== awareness.clientID) this.changed.add(id)
        if (this.changed.size) this.show ??= setTimeout(this.refresh, EVERY)
      }

      readonly refresh = () => {
        this.show = undefined
        const { carets: old } = this.view.state.field(caretField)
        const carets = new Map(old)
        for (const id of this.changed) {
          const { user, cursor, page: there, status = '' } = (awareness.getStates().get(id) ?? {}) as Presence
          const here = user && cursor && there === page && !elsewhere(String(user.id ?? ''))
          const head = here ? locate(cursor.head) : undefined
          if (!here || head === undefined) {
            carets.delete(id)
            continue
          }
          const anchor = cursor.anchor === cursor.head ? head : (locate(cursor.anchor) ?? head)
          const seen = (at: number) => toView(this.view.state, at)
          carets.set(id, { head: seen(head), anchor: seen(anchor), name: user.name ?? 'Somebody', color: user.color ?? '#606c00', agent: user.kind === 'agent', status })
        }
        this.changed.clear()
        if (carets.size || old.size) this.view.dispatch({ effects: setCarets.of(carets) })
      }

      update(update: ViewUpdate) {
        if (update.selectionSet || update.focusChanged) this.share ??= setTimeout(this.send, EVERY)
      }

      readonly send = () => {
        this.share = undefined
        const { anchor, head } = this.view.state.selection.main
        const place = (pos: number) => position(text, toBase(this.view.state, pos), 0)
        const at = place(head)
        awareness.setLocalStateField('cursor', { head: at, anchor: anchor === head ? at : place(anchor) })
      }

      destroy() {
        awareness.off('change', this.onchange)
        clearTimeout(this.show)
        clearTimeout(this.share)
        // A page that was left shows no caret of ours, even when its owner stays in the room.
        if (awareness.getLocalState()) awareness.setLocalStateField('cursor', null)
      }
    },
  )
  return [caretField, plugin]
}

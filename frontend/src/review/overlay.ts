/**
 * Suggestions drawn as tracked changes over the text: what would go is struck, what would come stands beside it. The
 * text itself is never touched. Comments are a quiet mark under what they are about.
 */
import { type EditorState, type Extension, Facet, type Range, StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, WidgetType } from '@codemirror/view'
import { flag } from '../editor/carets'
import { splice, toView } from '../editor/suggesting/splice'
import { keyOf, type PlacedHunk, placements, spanOf } from './placement'

/** The card that is selected or pointed at, and perhaps one hunk of it. */
export interface Focus { active: string | null; hovered: string | null; hunk: number | null }
export const setFocus = StateEffect.define<Partial<Focus>>()
export const focusField = StateField.define<Focus>({
  create: () => ({ active: null, hovered: null, hunk: null }),
  update(value, tr) {
    for (const effect of tr.effects) if (effect.is(setFocus)) value = { ...value, ...effect.value }
    return value
  },
})

/** The passage that a comment is being written about. */
export const setDraft = StateEffect.define<{ from: number; to: number } | null>()
export const draftField = StateField.define<{ from: number; to: number } | null>({
  create: () => null,
  update(value, tr) {
    if (value && tr.docChanged) {
      const from = tr.changes.mapPos(value.from, 1)
      value = { from, to: Math.max(from, tr.changes.mapPos(value.to, -1)) }
    }
    for (const effect of tr.effects) if (effect.is(setDraft)) value = effect.value
    return value
  },
})

/** Which alternative of a group is drawn; else the first one. */
export const setChoice = StateEffect.define<{ group: string; key: string }>()
export const choiceField = StateField.define<ReadonlyMap<string, string>>({
  create: () => new Map(),
  update(value, tr) {
    for (const effect of tr.effects) if (effect.is(setChoice)) value = new Map([...value, [effect.value.group, effect.value.key]])
    return value
  },
})

/** Says which changes this person is typing themself: those are in the text already. */
export const typing = Facet.define<(item: PlacedHunk) => boolean>()

/** New words, as they will read. A real element with selectable text that wraps like the page around it. */
class Insertion extends WidgetType {
  constructor(
    readonly item: PlacedHunk,
    readonly text: string,
    readonly replaces: boolean,
    readonly lit: boolean,
  ) {
    super()
  }
  private get writing() {
    return this.item.streaming
  }
  override eq(other: Insertion) {
    return (
      other.text === this.text && other.lit === this.lit && other.replaces === this.replaces && other.writing === this.writing &&
      other.item.id === this.item.id && other.item.hunk.index === this.item.hunk.index
    )
  }
  toDOM() {
    const ins = document.createElement('ins')
    // Takes the focus from the editor when it is pressed, which else would take back what is selected in here.
    ins.tabIndex = -1
    ins.append(this.text)
    this.dress(ins)
    return ins
  }
  override updateDOM(ins: HTMLElement, _view: EditorView, from: Insertion) {
    const { firstChild } = ins
    if (from.item.id !== this.item.id || from.item.hunk.index !== this.item.hunk.index || !(firstChild instanceof Text)) return false
    // Appending leaves a selection inside the text alone while an agent writes.
    if (this.text.startsWith(firstChild.data)) firstChild.appendData(this.text.slice(firstChild.data.length))
    else firstChild.data = this.text
    this.dress(ins)
    return true
  }
  private dress(ins: HTMLElement) {
    const { suggestion } = this.item
    ins.className = `sg-ins${this.replaces ? ' instead' : ''}${this.lit ? ' lit' : ''}${this.writing ? ' writing' : ''}`
    ins.dataset['review'] = this.item.id
    ins.dataset['hunk'] = String(this.item.hunk.index)
    const caret = ins.querySelector('.peer')
    if (!this.writing) caret?.remove()
    else if (!caret) {
      ins.style.setProperty('--who', suggestion.color)
      ins.append(flag({ name: suggestion.name, color: suggestion.color, agent: suggestion.author_kind === 'agent', status: 'writing' }))
    }
  }
  override get lineBreaks() {
    return this.text.split('\n').length - 1
  }
  override ignoreEvent() {
    return true
  }
}

/** An agent that has not written its first word yet is already standing there. */
class Waiting extends WidgetType {
  constructor(readonly item: PlacedHunk) {
    super()
  }
  override eq(other: Waiting) {
    return other.item.id === this.item.id
  }
  toDOM() {
    const { name, color, author_kind } = this.item.suggestion
    return flag({ name, color, agent: author_kind === 'agent', status: 'thinking' })
  }
}

function draw(state: EditorState): DecorationSet {
  const typed = state.facet(typing)
  const choices = state.field(choiceField)
  const keys = new Set(state.field(placements).items.map(keyOf))
  const { active, hovered, hunk: only } = state.field(focusField)
  const out: Range<Decoration>[] = []
  for (const item of state.field(placements).items) {
    const { id } = item
    const { from, to } = spanOf(state, item)
    const chosen = id === active || id === hovered
    if (item.kind === 'thread') {
      if (to > from)
        out.push(Decoration.mark({ class: chosen ? 'th-mark lit' : 'th-mark', attributes: { 'data-review': id } }).range(from, to))
      continue
    }
    if (typed.some((is) => is(item))) continue
    if (item.group) {
      const chosen = choices.get(item.group)
      // The one that was looked at may have been decided by somebody else.
      if (keyOf(item) !== (chosen && keys.has(chosen) ? chosen : item.group)) continue
    }
    const index = item.hunk.index
    const lit = chosen && (only === null || only === index)
    const attributes = { 'data-review': id, 'data-hunk': String(index) }
    if (item.stale) {
      if (to > from) out.push(Decoration.mark({ class: lit ? 'sg-stale lit' : 'sg-stale', attributes }).range(from, to))
      continue
    }
    for (const edit of item.edits) {
      const start = toView(state, item.from + edit.from)
      const end = edit.to > edit.from ? Math.max(start, toView(state, item.from + edit.to, -1)) : start
      if (end > start) out.push(Decoration.mark({ tagName: 'del', class: lit ? 'sg-del lit' : 'sg-del', attributes }).range(start, end))
      if (edit.insert) out.push(Decoration.widget({ widget: new Insertion(item, edit.insert, edit.to > edit.from, lit), side: 1 }).range(end))
    }
    if (item.streaming && !item.hunk.replace) out.push(Decoration.widget({ widget: new Waiting(item), side: 1 }).range(from))
  }
  const draft = state.field(draftField)
  if (draft && draft.to > draft.from) out.push(Decoration.mark({ class: 'th-mark lit' }).range(draft.from, draft.to))
  return Decoration.set(out, true)
}

const overlay = StateField.define<DecorationSet>({
  create: draw,
  update(value, tr) {
    const { startState: old, state } = tr
    const same =
      old.field(placements).drawn === state.field(placements).drawn &&
      old.field(focusField) === state.field(focusField) &&
      old.field(choiceField) === state.field(choiceField) &&
      !old.field(splice, false) === !state.field(splice, false) &&
      !tr.effects.some((effect) => effect.is(setDraft))
    return same ? (tr.docChanged ? value.map(tr.changes) : value) : draw(state)
  },
  provide: (field) => EditorView.decorations.from(field),
})

export const reviewFields: Extension = [placements, focusField, choiceField, draftField, overlay]

/**
 * The text on the screen and the shared text, which differ in suggesting mode: one's own new words stand in the editor
 * as real characters, and the words to go are still there. Everything that knows places of the shared text (anchors,
 * other people's carets, suggestions, what the server says) goes through here; in writing mode both are the same.
 */
import { Annotation, ChangeSet, type EditorState, type Extension, type Range, StateEffect, StateField, type Text, type Transaction } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, WidgetType } from '@codemirror/view'
import { carried, type Marks, toBase as baseOf, toView as viewOf } from './marks'

export interface Splice { base: Text; marks: Marks }

/** Begins the mode with the text as it is; the transaction's own changes put in what had been suggested before. */
export const enter = StateEffect.define<null>()
/** Ends it; the transaction's own changes take out what is only suggested. */
export const leave = StateEffect.define<null>()

/** The marks as they are after this transaction, whatever they were. */
export const setMarks = StateEffect.define<Marks>()
/** What the transaction does to the shared text. Without it, in this mode: nothing. */
export const onBase = Annotation.define<ChangeSet>()
/** What came from elsewhere: the shared text changed, or a decision was made. */
export const outside = Annotation.define<true>()

/** Null in writing mode. */
export const splice = StateField.define<Splice | null>({
  create: () => null,
  update(value, tr) {
    for (const effect of tr.effects) {
      if (effect.is(enter)) value = { base: tr.startState.doc, marks: [] }
      if (effect.is(leave)) return null
    }
    if (!value) return null
    let { base, marks } = value
    if (tr.docChanged) marks = carried(marks, tr.changes)
    for (const effect of tr.effects) if (effect.is(setMarks)) marks = effect.value
    const changes = tr.annotation(onBase)
    if (changes) base = changes.apply(base)
    return base === value.base && marks === value.marks ? value : { base, marks }
  },
})

/** The shared text as the editor has it. */
export const baseDoc = (state: EditorState): Text => state.field(splice, false)?.base ?? state.doc

/** What a transaction does to the shared text. */
export function baseChanges(tr: Transaction): ChangeSet {
  const told = tr.annotation(onBase)
  if (told) return told
  const before = tr.startState.field(splice, false)
  if (!before && !tr.effects.some((effect) => effect.is(enter))) return tr.changes
  return ChangeSet.empty(baseDoc(tr.startState).length)
}

const NONE: Marks = []

export const toBase = (state: EditorState, pos: number): number => baseOf(state.field(splice, false)?.marks ?? NONE, pos)
export const toView = (state: EditorState, base: number, side: -1 | 1 = 1): number => viewOf(state.field(splice, false)?.marks ?? NONE, base, side)

/** A line break that is to go cannot be struck, so it shows as the sign that it is. */
class Pilcrow extends WidgetType {
  override eq() {
    return true
  }
  toDOM() {
    const sign = document.createElement('span')
    sign.className = 'sg-break'
    sign.ariaHidden = 'true'
    sign.textContent = '¶'
    return sign
  }
}
const pilcrow = Decoration.widget({ widget: new Pilcrow(), side: -1 })
const DRESS = { ins: 'sg-ins own', del: 'sg-del own' } as const

/** Set by the review: which unit is looked at. */
export const setLit = StateEffect.define<string | null>()
const lit = StateField.define<string | null>({
  create: () => null,
  update(value, tr) {
    for (const effect of tr.effects) if (effect.is(setLit)) value = effect.value
    return value
  },
})

function dress(state: EditorState): DecorationSet {
  const marks = state.field(splice)?.marks ?? []
  const chosen = state.field(lit)
  const out: Range<Decoration>[] = []
  for (const { from, to, kind, unit } of marks) {
    const look = unit === chosen ? `${DRESS[kind]} lit` : DRESS[kind]
    out.push(Decoration.mark({ tagName: kind, class: look, attributes: { 'data-unit': unit } }).range(from, to))
    if (kind === 'ins') continue
    for (let line = state.doc.lineAt(from); line.to < to; line = state.doc.lineAt(line.to + 1)) out.push(pilcrow.range(line.to))
  }
  return Decoration.set(out, true)
}

const dressed = StateField.define<DecorationSet>({
  create: dress,
  update(value, { startState: old, state }) {
    return old.field(splice) === state.field(splice) && old.field(lit) === state.field(lit) ? value : dress(state)
  },
  provide: (field) => EditorView.decorations.from(field),
})

export const spliceFields: Extension = [splice, lit, dressed]

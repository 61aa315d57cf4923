/** A page as it was, to be read and not to be changed: the editor's typography, with changes marked in it. */
import { defaultKeymap } from '@codemirror/commands'
import { search, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState, type Extension, type Range, StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, drawSelection, EditorView, highlightSpecialChars, keymap, lineNumbers, WidgetType } from '@codemirror/view'
import { highlighting, languageFor, type Mode, prose } from '../editor/language'
import { livePreview } from '../editor/live-preview'
import '../editor/editor.css'
import type { Strip } from './past'

class Gone extends WidgetType {
  constructor(readonly text: string, readonly by: string) {
    super()
  }
  override eq(other: Gone) {
    return other.text === this.text && other.by === this.by
  }
  toDOM() {
    const gone = document.createElement('del')
    gone.className = 'past-del'
    gone.textContent = this.text.replace(/\n/g, '¶\n')
    if (this.by) gone.title = `Deleted by ${this.by}`
    return gone
  }
  override ignoreEvent() {
    return false
  }
}

const setMarks = StateEffect.define<DecorationSet>()
const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, tr) {
    for (const effect of tr.effects) if (effect.is(setMarks)) return effect.value
    return value.map(tr.changes)
  },
  provide: (field) => EditorView.decorations.from(field),
})

/** The text that the strips show, and what is marked in it. */
export function drawn(strips: readonly Strip[], name: (participant: string) => string): { doc: string; set: DecorationSet; first: number } {
  const found: Range<Decoration>[] = []
  const parts: string[] = []
  let at = 0
  let first = -1
  for (const { kind, text, by } of strips) {
    if (kind !== 'same' && first < 0) first = at
    if (kind === 'del') found.push(Decoration.widget({ widget: new Gone(text, by ? name(by) : ''), side: -1 }).range(at))
    else {
      if (kind === 'ins' && text)
        found.push(Decoration.mark({ class: 'past-ins', tagName: 'ins', attributes: by ? { title: `Written by ${name(by)}` } : {} }).range(at, at + text.length))
      parts.push(text)
      at += text.length
    }
  }
  return { doc: parts.join(''), set: Decoration.set(found), first }
}

const surface = new Compartment()
const label = new Compartment()
const look = (mode: Mode): Extension =>
  mode === 'prose'
    ? [livePreview, prose(), EditorView.editorAttributes.of({ class: 'prose' })]
    : [lineNumbers(), EditorView.editorAttributes.of({ class: 'code' })]
const called = (title: string) => EditorView.contentAttributes.of({ 'aria-label': title, 'aria-readonly': 'true', tabindex: '0' })

export function reader(parent: HTMLElement, onselect: (from: number, to: number) => void): EditorView {
  return new EditorView({
    parent,
    state: EditorState.create({
      extensions: [
        EditorState.lineSeparator.of('\n'),
        EditorState.readOnly.of(true),
        EditorView.editable.of(false),
        surface.of(look('prose')),
        label.of(called('')),
        marks,
        highlighting,
        highlightSpecialChars(),
        drawSelection(),
        EditorView.lineWrapping,
        search({ top: true }),
        keymap.of([...searchKeymap, ...defaultKeymap]),
        EditorView.updateListener.of((update) => {
          if (update.selectionSet || update.docChanged) onselect(update.state.selection.main.from, update.state.selection.main.to)
        }),
      ],
    }),
  })
}

export interface Shown { title: string; mode: Mode; strips: readonly Strip[]; name: (participant: string) => string; follow: boolean }

/** Shows another text. With `follow` its first change is brought onto the screen. */
export function show(view: EditorView, { title, mode, strips, name, follow }: Shown, before: { mode: Mode; title: string } | undefined): void {
  const { doc, set, first } = drawn(strips, name)
  const old = view.state.doc.toString()
  let from = 0
  const most = Math.min(old.length, doc.length)
  while (from < most && old.charCodeAt(from) === doc.charCodeAt(from)) from++
  let tail = 0
  while (tail < most - from && old.charCodeAt(old.length - 1 - tail) === doc.charCodeAt(doc.length - 1 - tail)) tail++
  const effects: StateEffect<unknown>[] = [setMarks.of(set)]
  if (before?.mode !== mode) effects.push(surface.reconfigure(look(mode)))
  if (before?.title !== title) effects.push(label.reconfigure(called(title)))
  if (follow && first >= 0) effects.push(EditorView.scrollIntoView(Math.min(first, doc.length), { y: 'center' }))
  view.dispatch({ changes: { from, to: old.length - tail, insert: doc.slice(from, doc.length - tail) }, effects })
  if (mode === 'code' && (before?.mode !== mode || before.title !== title))
    void languageFor(title).then((found) => view.dom.isConnected && view.dispatch({ effects: surface.reconfigure([look('code'), found ?? []]) }), () => undefined)
}

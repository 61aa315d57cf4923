/** Puts the editor of one page together. One concern, one module: this one only lists them. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, indentWithTab } from '@codemirror/commands'
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState, type Extension, StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, drawSelection, EditorView, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers, placeholder } from '@codemirror/view'
import type * as Y from 'yjs'
import { blink } from './blink'
import { directions } from './direction'
import { historyKeymap } from './history'
import { highlighting, languageFor, type Mode, prose } from './language'
import { livePreview } from './live-preview'
import { markdownKeys } from './markdown-keys'
import { recall, within } from './memory'
import { slash, type SlashItem } from './slash'
import { steady } from './steady'
import { typography } from './typography'
import './editor.css'

export interface PageLook { title: string; mode: Mode; editable: boolean; smartQuotes: boolean }

export interface Parts {
  parent: HTMLElement
  text: Y.Text
  /** What the place in this page is remembered under. */
  name: string
  look: PageLook
  slashItems: () => SlashItem[]
  /** What ties the editor to the shared text. */
  binding: Extension
  extra: Extension
}

const surface = new Compartment()
const language = new Compartment()
const access = new Compartment()
const labels = new Compartment()
const writing = new Compartment()
const binding = new Compartment()

/** Ties the editor to the shared text in another way. */
export const rebind = (how: Extension): StateEffect<unknown> => binding.reconfigure(how)

const surfaces: Record<Mode, (items: () => SlashItem[]) => Extension> = {
  prose: (items) => [
    livePreview,
    directions,
    slash(items),
    keymap.of(markdownKeys),
    placeholder('Write, or type / for help'),
    EditorView.editorAttributes.of({ class: 'prose' }),
    EditorView.contentAttributes.of({ spellcheck: 'true', autocorrect: 'on', autocapitalize: 'sentences' }),
  ],
  code: () => [
    lineNumbers(),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ icons: false }),
    indentOnInput(),
    indentUnit.of('    '),
    highlightActiveLine(),
    highlightSelectionMatches(),
    keymap.of([...closeBracketsKeymap, indentWithTab]),
    EditorView.editorAttributes.of({ class: 'code' }),
    EditorView.contentAttributes.of({ spellcheck: 'false', autocorrect: 'off', autocapitalize: 'off' }),
  ],
}

/** A reader's page can be walked through and selected by keyboard, but it calls up no keyboard on a phone. */
const accesses = (editable: boolean): Extension => [EditorState.readOnly.of(!editable), EditorView.editable.of(editable)]
const labelled = (title: string): Extension => EditorView.contentAttributes.of({ 'aria-label': title || 'Untitled page', tabindex: '0' })

export function createEditor({ parent, text, name, look, slashItems, binding: bound, extra }: Parts): EditorView {
  const doc = text.toString()
  const recalled = recall(name, text)
  const state = EditorState.create({
    doc,
    extensions: [
      // Pages hold \n only; anything else would put the editor and the shared text out of step.
      EditorState.lineSeparator.of('\n'),
      EditorView.clipboardInputFilter.of((pasted) => pasted.replace(/\r\n?/g, '\n')),
      binding.of(bound),
      access.of(accesses(look.editable)),
      surface.of(surfaces[look.mode](slashItems)),
      language.of(look.mode === 'prose' ? prose() : []),
      labels.of(labelled(look.title)),
      writing.of(look.smartQuotes && look.mode === 'prose' ? typography() : []),
      highlighting,
      highlightSpecialChars(),
      drawSelection(),
      blink,
      EditorView.lineWrapping,
      search({ top: true }),
      flashed,
      steady,
      extra,
      EditorView.scrollMargins.of(() => ({ top: 48, bottom: 64 })),
      keymap.of([...completionKeymap, ...historyKeymap, ...searchKeymap, ...defaultKeymap]),
    ],
  })
  const view = new EditorView({
    parent,
    state: recalled ? state.update({ selection: within(state, recalled.selection) }).state : state,
    ...(recalled?.scroll ? { scrollTo: recalled.scroll as StateEffect<never> } : {}),
  })
  if (look.mode === 'code') void speak(view, look.title)
  return view
}

async function speak(view: EditorView, title: string): Promise<void> {
  const found = await languageFor(title).catch(() => null)
  if (view.dom.isConnected) view.dispatch({ effects: language.reconfigure(found ?? []) })
}

/** Changes how the page is written in place: what is typed, selected and undone stays. */
export function reshape(view: EditorView, before: PageLook, look: PageLook, slashItems: () => SlashItem[]): void {
  const effects: StateEffect<unknown>[] = []
  const modeChanged = before.mode !== look.mode
  if (modeChanged) {
    effects.push(surface.reconfigure(surfaces[look.mode](slashItems)))
    effects.push(language.reconfigure(look.mode === 'prose' ? prose() : []))
  }
  if (before.editable !== look.editable) effects.push(access.reconfigure(accesses(look.editable)))
  if (before.title !== look.title) effects.push(labels.reconfigure(labelled(look.title)))
  if (modeChanged || before.smartQuotes !== look.smartQuotes)
    effects.push(writing.reconfigure(look.smartQuotes && look.mode === 'prose' ? typography() : []))
  if (effects.length) view.dispatch({ effects })
  if (look.mode === 'code' && (modeChanged || before.title !== look.title)) void speak(view, look.title)
}

/** A place that was asked for shows itself for a moment. */
const setFlash = StateEffect.define<{ from: number; to: number } | null>()
const flashed = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, tr) {
    value = value.map(tr.changes)
    for (const effect of tr.effects)
      if (effect.is(setFlash))
        value = effect.value && effect.value.to > effect.value.from
          ? Decoration.set(Decoration.mark({ class: 'cm-flash' }).range(effect.value.from, effect.value.to))
          : Decoration.none
    return value
  },
  provide: (field) => EditorView.decorations.from(field),
})

export function goTo(view: EditorView, from: number, to: number): void {
  view.dispatch({
    selection: { anchor: from },
    effects: [EditorView.scrollIntoView(from, { y: 'center' }), setFlash.of({ from, to })],
    userEvent: 'select.goto',
  })
  view.focus()
  setTimeout(() => view.dom.isConnected && view.dispatch({ effects: setFlash.of(null) }), 2500)
}

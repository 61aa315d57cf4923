/** A selection or a caret as an action takes it: by quotation, with relative positions that hold while people type. */
import type { EditorState } from '@codemirror/state'
import type * as Y from 'yjs'
import { position, surroundings } from './anchors'
import { baseDoc, toBase } from './suggesting/splice'

export interface Passage { page: string; quote: string; before: string; after: string; start: unknown; end: unknown }
export interface Spot { page: string; quote: ''; before: string; after: string; start: unknown }

/** What is between two places of the editor, of the shared text: one's own suggestions are not in it. */
export function passage(state: EditorState, text: Y.Text, page: string, left: number, right: number): Passage {
  const doc = baseDoc(state)
  const [from, to] = [toBase(state, left), toBase(state, right)]
  return {
    page,
    quote: doc.sliceString(from, to, '\n'),
    ...surroundings(doc, from, to),
    start: position(text, from, 0),
    end: position(text, to, -1),
  }
}

/** A place between two characters. It hangs on the one before it, so that text typed behind the caret stays behind. */
export function spot(state: EditorState, text: Y.Text, page: string, pos: number): Spot {
  const at = toBase(state, pos)
  return { page, quote: '', ...surroundings(baseDoc(state), at, at), start: position(text, at, at > 0 ? -1 : 0) }
}

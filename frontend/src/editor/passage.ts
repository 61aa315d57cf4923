/** A selection or a caret as an action takes it: by quotation, with relative positions that hold while people type. */
import type { Text } from '@codemirror/state'
import type * as Y from 'yjs'
import { position, surroundings } from './anchors'

export interface Passage { page: string; quote: string; before: string; after: string; start: unknown; end: unknown }
export interface Spot { page: string; quote: ''; before: string; after: string; start: unknown }

export function passage(doc: Text, text: Y.Text, page: string, from: number, to: number): Passage {
  return {
    page,
    quote: doc.sliceString(from, to, '\n'),
    ...surroundings(doc, from, to),
    start: position(text, from, 0),
    end: position(text, to, -1),
  }
}

/** A place between two characters. It hangs on the one before it, so that text typed behind the caret stays behind. */
export function spot(doc: Text, text: Y.Text, page: string, at: number): Spot {
  return { page, quote: '', ...surroundings(doc, at, at), start: position(text, at, at > 0 ? -1 : 0) }
}

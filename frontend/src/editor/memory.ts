/** Where somebody was in a page, so that coming back to it is coming back to the place. Kept for the browser tab. */
import { EditorSelection, type EditorState, type StateEffect } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import type * as Y from 'yjs'
import { locator, position } from './anchors'
import { toBase } from './suggesting/splice'

interface Spot { anchor: unknown; head: unknown; top: unknown; offset: number }

const spots = new Map<string, Spot>()

export function remember(name: string, view: EditorView, text: Y.Text): void {
  const { anchor, head } = view.state.selection.main
  const height = view.scrollDOM.scrollTop
  const block = view.lineBlockAtHeight(height - offsetOf(view))
  const place = (pos: number) => position(text, Math.min(toBase(view.state, pos), text.length), 0)
  const at = place(anchor)
  const spot: Spot = {
    anchor: at,
    head: anchor === head ? at : place(head),
    top: place(block.from),
    offset: height < 8 ? -1 : height - offsetOf(view) - block.top,
  }
  spots.set(name, spot)
  try {
    sessionStorage.setItem(name, JSON.stringify(spot))
  } catch {
    // Storage is off: the place is kept until the tab is reloaded.
  }
}

/** Height of the page's first line in the scrolled area. */
const offsetOf = (view: EditorView) => view.documentTop - view.scrollDOM.getBoundingClientRect().top + view.scrollDOM.scrollTop

export interface Recalled { selection: EditorSelection; scroll: StateEffect<unknown> | null }

export function recall(name: string, text: Y.Text): Recalled | null {
  const spot = spots.get(name) ?? stored(name)
  if (!spot) return null
  const locate = locator(text)
  const head = locate(spot.head)
  if (head === undefined) return null
  const top = locate(spot.top)
  return {
    selection: EditorSelection.single(locate(spot.anchor) ?? head, head),
    scroll: spot.offset < 0 || top === undefined ? null : EditorView.scrollIntoView(top, { y: 'start', yMargin: -spot.offset }),
  }
}

function stored(name: string): Spot | null {
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? 'null') as Spot | null
  } catch {
    return null
  }
}

/** A selection kept within a state whose text may have become shorter. */
export function within(state: EditorState, selection: EditorSelection): EditorSelection {
  const clamp = (pos: number) => Math.min(pos, state.doc.length)
  return EditorSelection.single(clamp(selection.main.anchor), clamp(selection.main.head))
}

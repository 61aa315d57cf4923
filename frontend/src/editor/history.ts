/**
 * Undo that takes back only what this person typed, kept for as long as the page is open in this tab: going to another
 * page and back loses nothing. What others and agents wrote, and what was accepted, is never undone by Ctrl-Z.
 */
import { type Extension, Facet, type StateCommand, Transaction } from '@codemirror/state'
import { EditorView, type KeyBinding, ViewPlugin } from '@codemirror/view'
import { ySync, ySyncAnnotation, YSyncConfig, ySyncFacet } from 'y-codemirror.next'
import * as Y from 'yjs'
import { outside } from './suggesting/splice'

interface History { sync: YSyncConfig; manager: Y.UndoManager }

const histories = new WeakMap<Y.Text, History>()
const manager = Facet.define<History, History | undefined>({ combine: ([one]) => one })

/** The undo stack of a page. Made on first use; it dies with the document. */
export function historyOf(text: Y.Text): History {
  let found = histories.get(text)
  if (!found) {
    const sync = new YSyncConfig(text, null)
    // Only the editor's own changes: the sync configuration is their origin.
    found = { sync, manager: new Y.UndoManager(text, { trackedOrigins: new Set([sync]), captureTimeout: 600 }) }
    // When a step was begun, so that it can be told which of two things came last.
    found.manager.on('stack-item-added', ({ stackItem }: { stackItem: { meta: Map<unknown, unknown> } }) => stackItem.meta.set('at', Date.now()))
    histories.set(text, found)
  }
  return found
}

/** Whether a transaction brought in what others wrote (or what undo put back) rather than this person's typing. */
export const foreign = (tr: Transaction): boolean => tr.annotation(ySyncAnnotation) !== undefined || tr.annotation(outside) === true

const step = (verb: 'undo' | 'redo'): StateCommand => (target) => {
  const history = target.state.facet(manager)
  if (!history || target.state.readOnly) return false
  const { ytext } = history.sync as unknown as { ytext: Y.Text }
  let end: number | undefined
  const watch = (event: Y.YTextEvent) => {
    let pos = 0
    for (const { retain = 0, insert } of event.delta) {
      pos += retain
      if (typeof insert === 'string') pos += insert.length
      if (!retain) end = pos
    }
  }
  ytext.observe(watch)
  history.manager[verb]()
  ytext.unobserve(watch)
  const view = target as EditorView
  if (end !== undefined) view.dispatch({ selection: { anchor: end }, scrollIntoView: true, userEvent: 'select.undo' })
  return true
}

export const undo = step('undo')
export const redo = step('redo')

export const historyKeymap: readonly KeyBinding[] = [
  { key: 'Mod-z', run: undo, preventDefault: true },
  { key: 'Mod-y', mac: 'Mod-Shift-z', run: redo, preventDefault: true },
  { key: 'Mod-Shift-z', run: redo, preventDefault: true },
]

/** Ties a page's shared text to the editor. */
export function shared(text: Y.Text): Extension {
  const history = historyOf(text)
  // A new paragraph, a paste or a walk of the caret begins a new step; otherwise a pause does.
  const groups = ViewPlugin.define(() => ({
    update(update) {
      if (update.transactions.some(foreign)) return
      const moved = update.selectionSet && !update.docChanged
      const large = update.transactions.some((tr) => tr.isUserEvent('input.paste') || tr.isUserEvent('input.drop') || newline(tr))
      if (moved || large) history.manager.stopCapturing()
    },
  }))
  return [
    ySyncFacet.of(history.sync),
    manager.of(history),
    groups,
    ySync,
    EditorView.domEventHandlers({
      beforeinput(event, view) {
        if (event.inputType === 'historyUndo') return undo(view)
        if (event.inputType === 'historyRedo') return redo(view)
        return false
      },
    }),
  ]
}

function newline(tr: Transaction): boolean {
  let found = false
  tr.changes.iterChanges((_fromA, _toA, _fromB, _toB, insert) => (found ||= insert.lines > 1))
  return found
}

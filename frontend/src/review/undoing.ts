/** The undo key: takes back what this person did last on the page, be it typing or a decision about a suggestion. */
import { type Extension, Prec } from '@codemirror/state'
import { EditorView, keymap, ViewPlugin } from '@codemirror/view'
import type * as Y from 'yjs'
import { historyOf, redo as redoTyping, undo as undoTyping } from '../editor/history'
import { splice } from '../editor/suggesting/splice'
import { take, topOf } from '../editor/suggesting/steps'
import type { Decisions } from './decisions.svelte'

type Verb = 'undo' | 'redo'

export function undoing(text: Y.Text, decisions: Decisions): Extension {
  const { manager } = historyOf(text)
  const typedAt = (view: EditorView, verb: Verb): number | null => {
    if (view.state.field(splice, false)) return topOf(view, verb)
    const item = (verb === 'undo' ? manager.undoStack : manager.redoStack).at(-1)
    return item ? Number(item.meta.get('at') ?? 0) : null
  }
  const run = (verb: Verb) => (view: EditorView): boolean => {
    const typed = typedAt(view, verb)
    const decided = decisions.top(verb)
    if (decided !== null && (typed === null || decided > typed)) return decisions[verb]()
    if (view.state.field(splice, false)) return take(view, verb)
    return (verb === 'undo' ? undoTyping : redoTyping)(view)
  }
  const outside = (event: KeyboardEvent) => {
    const at = event.target
    const mod = (event.ctrlKey || event.metaKey) && !event.altKey
    if (!mod || event.defaultPrevented || (at instanceof HTMLElement && (at.isContentEditable || at.matches('input, textarea, select')))) return
    const verb: Verb | null = event.key.toLowerCase() === 'z' ? (event.shiftKey ? 'redo' : 'undo') : event.key.toLowerCase() === 'y' ? 'redo' : null
    // Where nobody types, the key means what was decided: a text that is not looked at does not change.
    if (verb && decisions[verb]()) event.preventDefault()
  }
  return [
    Prec.highest(
      keymap.of([
        { key: 'Mod-z', run: run('undo'), preventDefault: true },
        { key: 'Mod-y', mac: 'Mod-Shift-z', run: run('redo'), preventDefault: true },
        { key: 'Mod-Shift-z', run: run('redo'), preventDefault: true },
      ]),
    ),
    Prec.highest(
      EditorView.domEventHandlers({
        beforeinput: (event, view) => {
          if (event.inputType === 'historyUndo') return run('undo')(view)
          if (event.inputType === 'historyRedo') return run('redo')(view)
          return false
        },
      }),
    ),
    ViewPlugin.define(() => {
      addEventListener('keydown', outside)
      return { destroy: () => removeEventListener('keydown', outside) }
    }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged && update.transactions.some((tr) => tr.isUserEvent('input') || tr.isUserEvent('delete') || tr.isUserEvent('move'))) decisions.typed()
    }),
  ]
}

/** A decision was made: what is typed from here on is a step of its own. */
export const sealTyping = (text: Y.Text): void => historyOf(text).manager.stopCapturing()

/** Pictures in the text of a page: pasted, or put there from the list of files. */
import type { Extension } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import type { Session } from '../session.svelte'
import { attachmentsOf } from './attachments.svelte'
import { isPicture, written } from './files'

const EXTENSIONS: Record<string, string> = { 'image/png': 'png', 'image/jpeg': 'jpg', 'image/gif': 'gif', 'image/webp': 'webp' }
let shown: EditorView | null = null

/** Put a picture into the page on the screen, where the caret is. */
export function insertPicture(session: Session, name: string, id: string): void {
  if (!shown?.dom.isConnected || !(session.canEdit || session.suggests)) return
  const { state } = shown
  const at = state.selection.main.head
  const alone = state.doc.lineAt(at).length === 0
  const text = alone ? written(name, id) : `${at && state.sliceDoc(at - 1, at).trim() ? ' ' : ''}${written(name, id)}`
  shown.dispatch({ changes: { from: at, insert: text }, selection: { anchor: at + text.length }, userEvent: 'input.paste', scrollIntoView: true })
  shown.focus()
}

/** Takes pictures from the clipboard. Text that comes with them is what was meant. */
export function pictures(session: Session): Extension {
  return [
    EditorView.domEventHandlers({
      paste(event, view) {
        const files = [...(event.clipboardData?.files ?? [])].filter(({ type }) => isPicture(type))
        if (!files.length || event.clipboardData?.getData('text/plain') || !session.canEdit) return false
        event.preventDefault()
        shown = view
        void take(session, files)
        return true
      },
      focus(_event, view) {
        shown = view
        return false
      },
    }),
    EditorView.updateListener.of(({ view }) => {
      shown ??= view
      if (!shown.dom.isConnected) shown = view
    }),
  ]
}

async function take(session: Session, files: File[]): Promise<void> {
  const stamp = new Date().toISOString().slice(0, 16).replace('T', ' ').replace(':', '.')
  const named = files.map((file) => (/^image\.\w+$/i.test(file.name) ? new File([file], `Picture ${stamp}.${EXTENSIONS[file.type]}`, { type: file.type }) : file))
  for (const { name, id } of await attachmentsOf(session).add(named)) insertPicture(session, name, id)
}

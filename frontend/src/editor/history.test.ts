import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { afterEach, describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { redo, shared, undo } from './history'

const views: EditorView[] = []
function open(text: Y.Text): EditorView {
  const view = new EditorView({ parent: document.body, state: EditorState.create({ doc: text.toString(), extensions: [shared(text)] }) })
  views.push(view)
  return view
}
afterEach(() => views.splice(0).forEach((view) => view.destroy()))

const type = (view: EditorView, from: number, insert: string) => view.dispatch({ changes: { from, insert }, selection: { anchor: from + insert.length }, userEvent: 'input.type' })

describe('undo', () => {
  it('takes back what was typed here and nothing that others wrote', () => {
    const doc = new Y.Doc()
    const text = doc.getText('page')
    text.insert(0, 'The sea.')
    const view = open(text)
    type(view, 8, ' Mine.')
    doc.transact(() => text.insert(0, 'Theirs. '), 'somebody else')
    expect(view.state.doc.toString()).toBe('Theirs. The sea. Mine.')
    undo(view)
    expect(view.state.doc.toString()).toBe('Theirs. The sea.')
    expect(text.toString()).toBe('Theirs. The sea.')
    undo(view)
    expect(text.toString()).toBe('Theirs. The sea.')
    redo(view)
    expect(text.toString()).toBe('Theirs. The sea. Mine.')
    expect(view.state.selection.main.head).toBe(22)
  })
  it('still works after the page was left and opened again', () => {
    const text = new Y.Doc().getText('page')
    const first = open(text)
    type(first, 0, 'kept')
    first.destroy()
    const second = open(text)
    undo(second)
    expect(text.toString()).toBe('')
  })
  it('goes paragraph by paragraph', () => {
    const text = new Y.Doc().getText('page')
    const view = open(text)
    type(view, 0, 'one')
    type(view, 3, '\n')
    type(view, 4, 'two')
    undo(view)
    expect(text.toString()).toBe('one')
  })
  it('is nothing for a reader', () => {
    const text = new Y.Doc().getText('page')
    const view = new EditorView({ state: EditorState.create({ extensions: [shared(text), EditorState.readOnly.of(true)] }) })
    views.push(view)
    expect(undo(view)).toBe(false)
  })
})

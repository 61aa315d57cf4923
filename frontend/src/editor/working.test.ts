import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { position } from './anchors'
import { working, workingField } from './working'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('shows where an agent works, with its name, and carries it along until it ends', () => {
  const doc = new Y.Doc()
  const text = doc.getText('page')
  text.insert(0, 'The sea was calm.')
  const awareness = new Awareness(doc)
  const view = new EditorView({ parent: document.body, state: EditorState.create({ doc: text.toString(), extensions: [working({ text, page: 'p', awareness })] }) })
  const say = (state: Record<string, unknown> | null) => {
    if (state) awareness.states.set(7, state)
    else awareness.states.delete(7)
    awareness.emit('change', [{ added: [7], updated: [], removed: [] }, 'remote'])
    vi.advanceTimersByTime(120)
  }
  const shown = () => [...view.state.field(workingField).all.values()].map(({ from, to, name }) => [from, to, name])
  const user = { id: 'e', name: 'Line editor', color: '#a84884', kind: 'agent' }
  say({ user, working: { page: 'p', anchor: position(text, 4, 0), head: position(text, 7, -1) } })
  expect(shown()).toEqual([[4, 7, 'Line editor']])
  expect(view.dom.querySelector<HTMLElement>('.working-name')?.dataset['name']).toBe('Line editor is working here')
  view.dispatch({ changes: { from: 0, insert: 'Now ' } })
  expect(shown()).toEqual([[8, 11, 'Line editor']])
  say({ user, working: { page: 'other', anchor: position(text, 4, 0), head: position(text, 7, -1) } })
  expect(shown()).toEqual([])
  view.destroy()
})

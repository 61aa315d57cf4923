import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { position } from './anchors'
import { caretField, carets } from './carets'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function room(words: string, elsewhere: (id: string) => boolean = () => false) {
  const doc = new Y.Doc()
  const text = doc.getText('page')
  text.insert(0, words)
  const awareness = new Awareness(doc)
  const view = new EditorView({
    parent: document.body,
    state: EditorState.create({ doc: words, extensions: [carets({ text, page: 'p', awareness, elsewhere })] }),
  })
  const join = (client: number, state: Record<string, unknown>) => {
    awareness.states.set(client, state)
    awareness.emit('change', [{ added: [client], updated: [], removed: [] }, 'remote'])
    vi.advanceTimersByTime(120)
  }
  return { text, awareness, view, join, shown: () => [...view.state.field(caretField).carets.values()], at: (pos: number) => position(text, pos, 0) }
}

describe('carets', () => {
  it('of others on this page are shown with their names, agents as agents', () => {
    const r = room('The sea.')
    r.join(7, { user: { id: 'm', name: 'Muse', color: '#6b3fb5', kind: 'agent' }, page: 'p', cursor: { anchor: r.at(4), head: r.at(4) }, status: 'thinking' })
    expect(r.shown()).toMatchObject([{ head: 4, name: 'Muse', agent: true }])
    const flag = r.view.dom.querySelector('.peer.agent')
    expect(flag?.textContent).toBe('Muse · thinking')
    expect(flag?.getAttribute('aria-hidden')).toBe('true')
  })
  it('on another page, or drawn elsewhere, are not', () => {
    const r = room('The sea.', (id) => id === 'writer')
    r.join(7, { user: { id: 'm', name: 'Ada', kind: 'person' }, page: 'other', cursor: { anchor: r.at(1), head: r.at(1) } })
    r.join(8, { user: { id: 'writer', name: 'Muse', kind: 'agent' }, page: 'p', cursor: { anchor: r.at(1), head: r.at(1) } })
    expect(r.shown()).toEqual([])
  })
  it('go along with what their owner types there', () => {
    const r = room('The sea.')
    r.join(7, { user: { id: 'a', name: 'Ada', kind: 'person' }, page: 'p', cursor: { anchor: r.at(4), head: r.at(4) } })
    r.view.dispatch({ changes: { from: 4, insert: 'wide ' } })
    expect(r.shown()).toMatchObject([{ head: 9 }])
    const line = r.view.dom.querySelector('.cm-line')!
    expect([...line.childNodes].map((node) => (node instanceof Element && node.classList.contains('peer') ? '|' : node.textContent)).join('')).toContain('The wide |')
  })
  it('leave with their owner', () => {
    const r = room('The sea.')
    r.join(7, { user: { id: 'a', name: 'Ada', kind: 'person' }, page: 'p', cursor: { anchor: r.at(4), head: r.at(4) } })
    r.awareness.states.delete(7)
    r.awareness.emit('change', [{ added: [], updated: [], removed: [7] }, 'remote'])
    vi.advanceTimersByTime(120)
    expect(r.shown()).toEqual([])
  })
  it('of our own are told at most ten times a second, and taken back when the page is left', () => {
    const r = room('The sea.')
    const told = vi.spyOn(r.awareness, 'setLocalStateField')
    for (let i = 0; i < 8; i++) r.view.dispatch({ selection: { anchor: i } })
    vi.advanceTimersByTime(99)
    expect(told).not.toHaveBeenCalled()
    vi.advanceTimersByTime(2)
    expect(told).toHaveBeenCalledTimes(1)
    r.view.destroy()
    expect(r.awareness.getLocalState()?.['cursor']).toBeNull()
  })
})

import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { describe, expect, it } from 'vitest'
import { directions, fromRight } from './direction'

const lines = (view: EditorView) => [...view.dom.querySelectorAll('.cm-line')].map((line) => line.getAttribute('dir'))

describe('the direction of a line', () => {
  it('is that of its first letter', () => {
    expect(['שלום Oda', '# مرحبا', '12. “שלום”'].map(fromRight)).toEqual([true, true, true])
    expect(['Oda said שלום', '', '1999 —', '漢字'].map(fromRight)).toEqual([false, false, false, false])
  })
  it('is set line by line, and follows what is written', () => {
    const view = new EditorView({ parent: document.body, state: EditorState.create({ doc: 'The lamp.\nשלום עולם.\n', extensions: [directions] }) })
    expect(lines(view)).toEqual([null, 'rtl', null])
    view.dispatch({ changes: { from: 0, to: 3, insert: 'مرحبا' } })
    expect(lines(view)).toEqual(['rtl', 'rtl', null])
  })
})

// @vitest-environment jsdom
import { EditorView } from '@codemirror/view'
import { expect, it, vi } from 'vitest'
import { blink } from './blink'

it('lets the caret stand still while it moves, and blink when it rests', () => {
  vi.useFakeTimers()
  const view = new EditorView({ doc: 'Mara', extensions: [blink], parent: document.body })
  const moving = () => view.scrollDOM.classList.contains('moving')
  expect(moving()).toBe(false)
  for (const _ of 'came back') {
    view.dispatch({ changes: { from: 4, insert: 'x' } })
    vi.advanceTimersByTime(300)
    expect(moving()).toBe(true)
  }
  vi.advanceTimersByTime(600)
  expect(moving()).toBe(false)
  view.dispatch({ selection: { anchor: 2 } })
  expect(moving()).toBe(true)
  view.destroy()
  vi.useRealTimers()
})

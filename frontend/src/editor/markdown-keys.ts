/** The keys a writer expects in prose: bold, italic, links; lists go on by themselves (from the Markdown language). */
import { syntaxTree } from '@codemirror/language'
import { type ChangeSpec, EditorSelection, type EditorState, type StateCommand } from '@codemirror/state'
import type { KeyBinding } from '@codemirror/view'
import type { SyntaxNode } from '@lezer/common'

/** The smallest node of a kind around a range. */
function around(state: EditorState, from: number, to: number, name: string): SyntaxNode | null {
  for (let node: SyntaxNode | null = syntaxTree(state).resolveInner(from, 1); node; node = node.parent)
    if (node.name === name && node.from <= from && node.to >= to) return node
  for (let node: SyntaxNode | null = syntaxTree(state).resolveInner(to, -1); node; node = node.parent)
    if (node.name === name && node.from <= from && node.to >= to) return node
  return null
}

/** Puts marks around each selected passage or the word at the caret, or takes them away where they are. */
export function toggle(mark: string, name: string): StateCommand {
  return ({ state, dispatch }) => {
    if (state.readOnly) return false
    const n = mark.length
    const spec = state.changeByRange((range) => {
      const inside = around(state, range.from, range.to, name)
      if (inside) {
        const changes: ChangeSpec[] = [
          { from: inside.from, to: inside.from + n },
          { from: inside.to - n, to: inside.to },
        ]
        const set = state.changes(changes)
        return { changes, range: EditorSelection.range(set.mapPos(range.anchor, 1), set.mapPos(range.head, -1)) }
      }
      const word = range.empty ? (state.wordAt(range.head) ?? range) : range
      // Marks may not touch blanks on their inside: "** word**" is not bold.
      const text = state.sliceDoc(word.from, word.to)
      const from = word.from + (text.trim() ? text.length - text.trimStart().length : 0)
      const to = Math.max(from, word.to - (text.trim() ? text.length - text.trimEnd().length : 0))
      const changes: ChangeSpec[] = [
        { from, insert: mark },
        { from: to, insert: mark },
      ]
      const moved = range.empty
        ? EditorSelection.cursor(range.head + n)
        : EditorSelection.range(...((range.anchor <= range.head ? [from + n, to + n] : [to + n, from + n]) as [number, number]))
      return { changes, range: moved }
    })
    dispatch(state.update(spec, { userEvent: 'input.format', scrollIntoView: true }))
    return true
  }
}

export const bold = toggle('**', 'StrongEmphasis')
export const italic = toggle('*', 'Emphasis')
export const struck = toggle('~~', 'Strikethrough')
export const inlineCode = toggle('`', 'InlineCode')

/** Makes the selection a link and leaves the caret where the address goes. */
export const link: StateCommand = ({ state, dispatch }) => {
  if (state.readOnly) return false
  const { from, to } = state.selection.main
  const text = state.sliceDoc(from, to)
  const insert = `[${text}]()`
  dispatch(state.update({
    changes: { from, to, insert },
    selection: { anchor: from + (text ? insert.length - 1 : 1) },
    userEvent: 'input.format',
    scrollIntoView: true,
  }))
  return true
}

export const markdownKeys: readonly KeyBinding[] = [
  { key: 'Mod-b', run: bold, preventDefault: true },
  { key: 'Mod-i', run: italic, preventDefault: true },
  { key: 'Mod-Shift-x', run: struck, preventDefault: true },
  { key: 'Mod-e', run: inlineCode, preventDefault: true },
  { key: 'Mod-Shift-k', run: link, preventDefault: true },
]

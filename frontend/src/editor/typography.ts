/** Typographic signs while typing, when the writer has asked for them: “quotes”, ‘single ones’, — and …. */
import { type Extension } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { syntaxTree } from '@codemirror/language'

/** What to put for a typed sign after `before` (the text of the line up to it), and how many characters it replaces. */
export function typographic(typed: string, before: string): { insert: string; back: number } | null {
  if (typed === '"' || typed === "'") {
    const opens = /(^|[\s([{<\u2014\u2013\u201c\u2018*_>-])$/.test(before)
    return { insert: typed === '"' ? (opens ? '“' : '”') : opens ? '‘' : '’', back: 0 }
  }
  // Not at the start of a line, where three hyphens are a rule.
  if (typed === '-' && /[^-\s].*-$/.test(before) && !before.endsWith('--')) return { insert: '—', back: 1 }
  if (typed === '.' && /[^.]\.\.$|^\.\.$/.test(before)) return { insert: '…', back: 2 }
  return null
}

export function typography(): Extension {
  return EditorView.inputHandler.of((view, from, to, text) => {
    if (view.composing || text.length !== 1) return false
    const line = view.state.doc.lineAt(from)
    const made = typographic(text, view.state.sliceDoc(line.from, from))
    if (!made || inCode(view, from)) return false
    const start = from - made.back
    view.dispatch({
      changes: { from: start, to, insert: made.insert },
      selection: { anchor: start + made.insert.length },
      userEvent: 'input.type',
      scrollIntoView: true,
    })
    return true
  })
}

function inCode(view: EditorView, at: number): boolean {
  for (let node = syntaxTree(view.state).resolveInner(at, -1); node.parent; node = node.parent)
    if (/Code|URL|HTML|Comment/.test(node.name)) return true
  return false
}

/** A slash at the start of an empty line of prose offers what can be put there. */
import { autocompletion, type Completion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete'
import type { Extension } from '@codemirror/state'
import type { EditorView } from '@codemirror/view'

export interface SlashItem { label: string; detail: string; words?: string; run: (view: EditorView) => void }

const BLOCKS: [label: string, detail: string, insert: string][] = [
  ['Heading', '# ', '# '],
  ['Smaller heading', '## ', '## '],
  ['List', '- ', '- '],
  ['Numbered list', '1. ', '1. '],
  ['Task', '- [ ] ', '- [ ] '],
  ['Quote', '> ', '> '],
  ['Scene break', '* * *', '* * *\n\n'],
  ['Code', '```', '```\n\n```'],
]

export function slash(items: () => SlashItem[]): Extension {
  const source = (context: CompletionContext): CompletionResult | null => {
    const line = context.state.doc.lineAt(context.pos)
    if (context.state.readOnly || !/^\/[\p{L} ]*$/u.test(line.text) || context.pos !== line.to) return null
    const clear = (view: EditorView) => {
      const at = view.state.doc.lineAt(view.state.selection.main.head)
      view.dispatch({ changes: { from: at.from, to: at.to }, userEvent: 'delete.slash' })
    }
    const asked: Completion[] = items().map(({ label, detail, run }, i) => ({
      label: `/${label}`,
      displayLabel: label,
      detail,
      type: 'agent',
      boost: 50 - i,
      apply: (view) => {
        clear(view)
        run(view)
      },
    }))
    const blocks: Completion[] = BLOCKS.map(([label, detail, insert], i) => ({
      label: `/${label}`,
      displayLabel: label,
      detail,
      type: 'block',
      boost: -i,
      apply: (view) => {
        const at = view.state.doc.lineAt(view.state.selection.main.head)
        const caret = insert.startsWith('```') ? 4 : insert.length
        view.dispatch({ changes: { from: at.from, to: at.to, insert }, selection: { anchor: at.from + caret }, userEvent: 'input.slash' })
      },
    }))
    return { from: line.from, options: [...asked, ...blocks], validFor: /^\/[\p{L} ]*$/u }
  }
  return autocompletion({ override: [source], icons: false, closeOnBlur: true, activateOnTypingDelay: 20 })
}

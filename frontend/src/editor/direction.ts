/** Lines that begin in Hebrew, Arabic or another script from right to left are written from right to left, each by itself. */
import type { Extension, Range } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view'

/** The first letter decides, whatever marks and numbers stand before it. Only the beginning is looked at: a line may be a book. */
const FROM_RIGHT = /^[^\p{L}]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u
const ENOUGH = 200
export const fromRight = (line: string): boolean => FROM_RIGHT.test(line.slice(0, ENOUGH))

const turned = Decoration.line({ attributes: { dir: 'rtl' } })

function inSight(view: EditorView): DecorationSet {
  const lines: Range<Decoration>[] = []
  for (const { from, to } of view.visibleRanges) {
    for (let at = from; at <= to; ) {
      const line = view.state.doc.lineAt(at)
      if (fromRight(view.state.sliceDoc(line.from, Math.min(line.to, line.from + ENOUGH)))) lines.push(turned.range(line.from))
      at = line.to + 1
    }
  }
  return Decoration.set(lines, true)
}

export const directions: Extension = [
  EditorView.perLineTextDirection.of(true),
  ViewPlugin.fromClass(
    class {
      shown: DecorationSet
      constructor(view: EditorView) {
        this.shown = inSight(view)
      }
      update(update: ViewUpdate) {
        if (update.docChanged || update.viewportChanged) this.shown = inSight(update.view)
      }
    },
    { decorations: (plugin) => plugin.shown },
  ),
]

/**
 * Markdown that looks finished until the caret enters it.
 *
 * Only the visible ranges are walked, so the cost does not grow with the page. Marks that open a line (`#`, `>`) hang
 * in the margin and list marks keep their width when they show, so that moving the caret does not move the text.
 * While a word is being composed (IME) or the mouse is down, nothing is hidden or shown.
 */
import { syntaxTree } from '@codemirror/language'
import { type EditorState, Facet, type Range } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate, WidgetType } from '@codemirror/view'
import type { SyntaxNode, SyntaxNodeRef } from '@lezer/common'
import { idOf } from '../attachments/files'

const hidden = Decoration.replace({})
const hang = Decoration.mark({ class: 'md-hang' })
const bullet = Decoration.mark({ class: 'md-bullet' })
const number = Decoration.mark({ class: 'md-number' })
const inlineCode = Decoration.mark({ class: 'md-inline-code' })
const doneTask = Decoration.mark({ class: 'md-done' })
const line = (name: string) => Decoration.line({ class: name })
const headings = [1, 2, 3, 4, 5, 6].map((level) => line(`md-h md-h${level}`))
const quote = line('md-quote')
const code = line('md-code')
const codeFirst = line('md-code-first')
const codeLast = line('md-code-last')
const table = line('md-table')

/** Indented by the width of its marks, so that the second line of an item stands under the first. */
const items = new Map<string, Decoration>()
function item(blanks: number, ordered: boolean): Decoration {
  const key = `${blanks}/${ordered}`
  let found = items.get(key)
  if (!found) {
    found = Decoration.line({ class: ordered ? 'md-item md-ordered' : 'md-item', attributes: { style: `--blanks:${blanks}` } })
    items.set(key, found)
  }
  return found
}
const indent = Decoration.mark({ class: 'md-indent' })

class Rule extends WidgetType {
  override eq() {
    return true
  }
  toDOM() {
    const rule = document.createElement('span')
    rule.className = 'md-rule'
    return rule
  }
}

class Task extends WidgetType {
  constructor(
    readonly done: boolean,
    readonly locked: boolean,
  ) {
    super()
  }
  override eq(other: Task) {
    return other.done === this.done && other.locked === this.locked
  }
  toDOM(view: EditorView) {
    const box = document.createElement('input')
    box.type = 'checkbox'
    box.checked = this.done
    box.disabled = this.locked
    box.className = 'md-task'
    box.ariaLabel = 'Task done'
    box.addEventListener('change', () => {
      const at = view.posAtDOM(box)
      view.dispatch({ changes: { from: at + 1, to: at + 2, insert: this.done ? ' ' : 'x' }, userEvent: 'input.task' })
    })
    return box
  }
  override ignoreEvent() {
    return true
  }
}

/** Where a picture among the canvas's own files is fetched from, by its address in the page. */
export const shownPictures = Facet.define<(address: string) => string>()

/** A picture is named, not fetched: a page must not be able to call other servers. One of the canvas's own files is
 * shown. */
class Picture extends WidgetType {
  constructor(
    readonly alt: string,
    readonly source = '',
  ) {
    super()
  }
  override eq(other: Picture) {
    return other.alt === this.alt && other.source === this.source
  }
  toDOM(view: EditorView) {
    if (!this.source) return this.named()
    const picture = document.createElement('img')
    picture.className = 'md-picture'
    picture.alt = this.alt
    picture.src = this.source
    picture.addEventListener('load', () => view.requestMeasure())
    // Within a frame of its own: the editor would take a change of the frame for a change of the text.
    const frame = document.createElement('span')
    frame.append(picture)
    picture.addEventListener('error', () => frame.replaceChildren(this.named(`${this.alt || 'Picture'} (removed)`)))
    return frame
  }
  private named(label = this.alt) {
    const chip = document.createElement('span')
    chip.className = 'md-image'
    chip.role = 'img'
    chip.ariaLabel = `Picture: ${label || 'without a description'}`
    chip.textContent = label || 'Picture'
    return chip
  }
  override ignoreEvent() {
    return false
  }
}

const rule = Decoration.replace({ widget: new Rule() })
const tasks = [false, true].map((locked) => [false, true].map((done) => Decoration.replace({ widget: new Task(done, locked) })))

const INLINE = new Set(['EmphasisMark', 'StrikethroughMark', 'CodeMark', 'LinkMark'])

/** Where marks are shown: the heads of the selection. What lies inside a long selection stays as it looks. */
type Heads = readonly number[]

const touches = (heads: Heads, from: number, to: number) => heads.some((head) => head >= from && head <= to)

export function decorate(state: EditorState, ranges: readonly { from: number; to: number }[], heads: Heads): DecorationSet {
  const out: Range<Decoration>[] = []
  const eachLine = (node: SyntaxNodeRef, lo: number, hi: number, visit: (start: number, end: number) => void) => {
    for (let pos = Math.max(node.from, lo); pos <= Math.min(node.to, hi); ) {
      const at = state.doc.lineAt(pos)
      visit(at.from, at.to)
      pos = at.to + 1
    }
  }
  const hide = (from: number, to: number) => {
    if (to > from) out.push(hidden.range(from, to))
  }
  for (const { from, to } of ranges) {
    syntaxTree(state).iterate({
      from,
      to,
      enter(node) {
        const { name } = node
        if (name.startsWith('ATXHeading')) {
          out.push(headings[Number(name.slice(10)) - 1]!.range(state.doc.lineAt(node.from).from))
        } else if (name === 'SetextHeading1' || name === 'SetextHeading2') {
          eachLine(node, from, to, (start) => out.push(headings[Number(name.slice(13)) - 1]!.range(start)))
        } else if (name === 'Blockquote') {
          eachLine(node, from, to, (start) => out.push(quote.range(start)))
        } else if (name === 'FencedCode' || name === 'CodeBlock') {
          eachLine(node, from, to, (start, end) => {
            out.push(code.range(start))
            if (start <= node.from) out.push(codeFirst.range(start))
            if (end >= node.to) out.push(codeLast.range(start))
          })
        } else if (name === 'Table') {
          eachLine(node, from, to, (start) => out.push(table.range(start)))
          return false
        } else if (name === 'HorizontalRule') {
          if (!touches(heads, node.from, node.to)) out.push(rule.range(node.from, node.to))
        } else if (name === 'ListItem') {
          const at = state.doc.lineAt(node.from)
          const ordered = node.node.parent?.name === 'OrderedList'
          const blanks = node.from - at.from
          // Inside a quote the item's line begins with the quote's mark: leave its indentation alone.
          if (/^\s*$/.test(state.sliceDoc(at.from, node.from))) {
            out.push(item(blanks, ordered).range(at.from))
            if (blanks) out.push(indent.range(at.from, node.from))
          }
        } else if (name === 'ListMark') {
          const task = node.node.parent?.getChild('Task')
          const end = /[ \t]/.test(state.sliceDoc(node.to, node.to + 1)) ? node.to + 1 : node.to
          if (task && !touches(heads, node.from, task.from + 4)) hide(node.from, end)
          else out.push((node.node.parent?.parent?.name === 'OrderedList' ? number : bullet).range(node.from, end))
        } else if (name === 'TaskMarker') {
          const start = node.node.parent?.parent?.getChild('ListMark')?.from ?? node.from
          const done = /x/i.test(state.sliceDoc(node.from, node.to))
          if (!touches(heads, start, node.to + 1)) out.push(tasks[Number(state.readOnly)]![Number(done)]!.range(node.from, node.to))
          if (done && node.node.parent && node.node.parent.to > node.to) out.push(doneTask.range(node.to, node.node.parent.to))
        } else if (name === 'HeaderMark') {
          header(node)
        } else if (name === 'QuoteMark') {
          const at = state.doc.lineAt(node.from)
          const end = state.sliceDoc(node.to, node.to + 1) === ' ' ? node.to + 1 : node.to
          if (!touches(heads, at.from, at.to)) hide(node.from, end)
          else if (node.from === at.from) out.push(hang.range(node.from, end))
        } else if (name === 'Escape') {
          if (!touches(heads, node.from, node.to)) hide(node.from, node.from + 1)
        } else if (name === 'Image') {
          image(node)
        } else if (name === 'Link') {
          const url = node.node.getChild('URL')
          if (url) link(node.node, state.sliceDoc(url.from, url.to))
        } else if (name === 'URL') {
          const whole = node.node.parent!
          if (whole.name === 'Link') {
            // The marks around the address: `](` belongs to LinkMark, a title to LinkTitle.
            if (!touches(heads, whole.from, whole.to)) hide(node.from, whole.to - 1)
          } else if (whole.name !== 'Image') link(node.node, state.sliceDoc(node.from, node.to))
        } else if (name === 'InlineCode') {
          out.push(inlineCode.range(node.from, node.to))
          return undefined
        } else if (INLINE.has(name)) {
          const whole = node.node.parent!
          if (whole.name === 'FencedCode' || whole.name === 'Image') return undefined
          if (whole.name === 'Link' && !whole.getChild('URL')) return undefined      // `[sic]` is not a link
          if (!touches(heads, whole.from, whole.to)) hide(node.from, node.to)
        }
        return undefined
      },
    })
  }
  return Decoration.set(out, true)

  function header(node: SyntaxNodeRef) {
    const at = state.doc.lineAt(node.from)
    if (node.node.parent?.name.startsWith('Setext')) {
      if (!touches(heads, node.node.parent.from, node.node.parent.to)) hide(node.from, node.to)
      return
    }
    const opening = node.from === node.node.parent?.from
    const end = opening && state.sliceDoc(node.to, node.to + 1) === ' ' ? node.to + 1 : node.to
    if (!touches(heads, at.from, at.to)) hide(opening ? node.from : node.from - 1, end)
    else if (opening && node.from === at.from) out.push(hang.range(node.from, end))
  }

  function image(node: SyntaxNodeRef) {
    const alt = /^!\[([^\]]*)\]/.exec(state.sliceDoc(node.from, node.to))?.[1] ?? ''
    const address = node.node.getChild('URL')
    const named = address ? state.sliceDoc(address.from, address.to) : ''
    const source = idOf(named) ? (state.facet(shownPictures)[0]?.(named) ?? '') : ''
    if (!touches(heads, node.from, node.to)) out.push(Decoration.replace({ widget: new Picture(alt, source) }).range(node.from, node.to))
  }

  function link(node: SyntaxNode, address: string) {
    out.push(Decoration.mark({ class: 'md-link', attributes: { 'data-href': address, title: 'Ctrl-click opens the link' } }).range(node.from, node.to))
  }
}

const OPENS = /^(https?:|mailto:)/i

/** The address as a link may be opened, or null for anything that a page should not be able to make us open. */
export function safeAddress(address: string): string | null {
  const bare = address.replace(/^<|>$/g, '')
  const full = /^www\./i.test(bare) ? `https://${bare}` : bare
  return OPENS.test(full) ? full : null
}

export const livePreview = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet
    private pointer = false
    private pending = false

    constructor(readonly view: EditorView) {
      this.decorations = this.make()
      view.dom.ownerDocument.addEventListener('pointerup', this.release)
      view.dom.ownerDocument.addEventListener('pointercancel', this.release)
    }

    private make() {
      const { state, visibleRanges } = this.view
      // Somebody who only reads has no caret in the text.
      return decorate(state, visibleRanges, this.view.hasFocus ? state.selection.ranges.map((range) => range.head) : [])
    }

    press() {
      this.pointer = true
    }

    readonly release = () => {
      if (!this.pointer) return
      this.pointer = false
      if (this.pending) this.view.dispatch({})
    }

    update(update: ViewUpdate) {
      const parsed = syntaxTree(update.startState) !== syntaxTree(update.state)
      if (!update.docChanged && !update.viewportChanged && !update.selectionSet && !update.focusChanged && !parsed && !this.pending) return
      if (this.view.composing || (this.pointer && !update.viewportChanged)) {
        this.decorations = this.decorations.map(update.changes)
        this.pending = true
        return
      }
      this.pending = false
      this.decorations = this.make()
    }

    destroy() {
      this.view.dom.ownerDocument.removeEventListener('pointerup', this.release)
      this.view.dom.ownerDocument.removeEventListener('pointercancel', this.release)
    }
  },
  {
    decorations: (plugin) => plugin.decorations,
    eventHandlers: {
      pointerdown() {
        this.press()
      },
      compositionend(_event, view) {
        // After CodeMirror has taken in what was composed.
        setTimeout(() => view.dispatch({}))
      },
      click(event) {
        if (!(event.ctrlKey || event.metaKey) || !(event.target instanceof Element)) return false
        const address = safeAddress(event.target.closest<HTMLElement>('[data-href]')?.dataset['href'] ?? '')
        if (!address) return false
        open(address, '_blank', 'noopener,noreferrer')
        return true
      },
    },
  },
)

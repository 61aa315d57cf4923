/**
 * Keeps the line a person is writing in where it is on the screen while others, agents and suggestions change what
 * stands above it. CodeMirror itself only keeps what is above the screen from moving it.
 */
import { Transaction } from '@codemirror/state'
import { EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view'
import { foreign } from './history'

/** Whether the person at this keyboard did it: then the page may move. */
const own = (tr: Transaction) => !foreign(tr) && (tr.annotation(Transaction.userEvent) !== undefined || tr.selection !== undefined || tr.scrollIntoView)

export const steady = ViewPlugin.fromClass(
  class {
    /** Height of the caret's line above the window's top when it last was where the person wanted it. */
    private top: number | null = null
    private free = true

    constructor(readonly view: EditorView) {}

    update(update: ViewUpdate) {
      if (update.transactions.some(own)) this.free = true
      if (update.geometryChanged || update.docChanged || update.selectionSet || update.focusChanged) this.measure()
    }

    rest() {
      this.free = true
      this.measure()
    }

    private measure() {
      this.view.requestMeasure({
        key: this,
        read: (view) => {
          const window = view.scrollDOM.getBoundingClientRect()
          const now = view.hasFocus ? (view.coordsAtPos(view.state.selection.main.head, 1)?.top ?? null) : null
          return now !== null && now > window.top - 40 && now < window.bottom + 40 ? now : null
        },
        write: (now: number | null, view) => {
          const off = this.free || now === null || this.top === null ? 0 : now - this.top
          this.free = false
          if (Math.abs(off) < 1) {
            this.top = now
            return
          }
          // The scrolling comes back as an event and is measured anew: at the end of a page there may be no room for it.
          view.scrollDOM.scrollTop += off
        },
      })
    }
  },
  {
    eventObservers: {
      wheel() {
        this.rest()
      },
      touchmove() {
        this.rest()
      },
      scroll() {
        this.rest()
      },
    },
  },
)

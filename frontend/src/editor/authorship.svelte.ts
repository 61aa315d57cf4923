/** Who wrote what, shown in the text when it is asked for, and told of any passage. */
import { type ChangeDesc, ChangeSet, type EditorState, type Extension, type Range, RangeSet, RangeValue, StateEffect, StateField, type Transaction } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, hoverTooltip } from '@codemirror/view'
import { api } from '../api'
import { fail } from '../notices.svelte'
import type { Session } from '../session.svelte'
import { type Author, inPoints, inUtf16, label, Lines, look, plain, type Provenance, type Run, type Share, sharesOf, smooth } from './authors'
import { foreign } from './history'
import { baseChanges, baseDoc, toBase, toView } from './suggesting/splice'

class Written extends RangeValue {
  constructor(readonly run: Run) {
    super()
  }
  override eq(other: Written): boolean {
    return other.run === this.run
  }
}

interface Shown { runs: RangeSet<Written>; marks: DecorationSet }
const nothing: Shown = { runs: RangeSet.empty, marks: Decoration.none }
const show = StateEffect.define<Shown>()

const shown = StateField.define<Shown>({
  create: () => nothing,
  update(value, tr) {
    for (const effect of tr.effects) if (effect.is(show)) return effect.value
    if (!tr.docChanged || value === nothing) return value
    const moved = { runs: value.runs.map(tr.changes), marks: value.marks.map(tr.changes) }
    return foreign(tr) ? moved : parted(moved, tr)
  },
  provide: (field) => EditorView.decorations.from(field, (value) => value.marks),
})

/** What this person types into another's words is not theirs: a run that was typed into falls in two. */
function parted(value: Shown, tr: Transaction): Shown {
  let { marks } = value
  let changes = 0
  tr.changes.iterChanges((_fromA, _toA, from, to) => {
    if (to <= from || ++changes > 50) return
    const pieces: Range<Decoration>[] = []
    const around = (start: number, end: number) => start < from && end > to
    marks.between(from, to, (start, end, mark) => {
      if (around(start, end)) pieces.push(mark.range(start, from), mark.range(to, end))
    })
    if (pieces.length) marks = marks.update({ filterFrom: from, filterTo: to, filter: (start, end) => !around(start, end), add: pieces, sort: true })
  })
  return marks === value.marks ? value : { ...value, marks }
}

/** How long after the last edit the runs are asked for again, in milliseconds, and how often at most in a long page. */
const LATER = 1500
const PATIENCE = 20

export class Authorship {
  view: EditorView | null = null
  /** Everybody's share of this page; empty until it is known. */
  shares = $state.raw<Share[]>([])
  authors = $state.raw<Readonly<Record<string, Author>>>({})
  /** The run at the caret. */
  here = $state.raw<Run | null>(null)
  /** The answer to “Who wrote this?”: null when nobody asks, without parts while it is looked up. */
  told = $state.raw<Partial<Provenance> | null>(null)
  /** Where the answer stands in the scrolled area. */
  at = $state.raw({ left: 0, top: 0, bottom: 0, height: 0 })
  /** How far the text is scrolled, while there is an answer. */
  scrolled = $state(0)
  readonly lines = new Lines()

  #shown = $state(false)
  #timer: ReturnType<typeof setTimeout> | undefined
  #since: ChangeDesc | null = null
  #asked = 0

  constructor(
    readonly session: Session,
    readonly page: string,
  ) {}

  get shown(): boolean {
    return this.#shown
  }

  set shown(on: boolean) {
    if (on === this.#shown) return
    this.#shown = on
    clearTimeout(this.#timer)
    if (on) void this.refresh()
    else {
      this.view?.dispatch({ effects: show.of(nothing) })
      this.here = null
    }
  }

  readonly extension: Extension = [
    shown,
    EditorView.updateListener.of((update) => {
      if (update.docChanged) {
        for (const tr of update.transactions) this.#since = this.#since?.composeDesc(baseChanges(tr).desc) ?? null
        if (this.told) this.close()
      }
      if (!this.#shown) return
      if (update.docChanged) {
        clearTimeout(this.#timer)
        this.#timer = setTimeout(() => void this.refresh(), LATER)
      }
      if (update.selectionSet || update.transactions.some((tr) => tr.effects.some((effect) => effect.is(show)))) this.#look(update.view)
    }),
    EditorView.domEventObservers({
      scroll: (_event, view) => {
        if (this.told) this.scrolled = view.scrollDOM.scrollTop
      },
    }),
    hoverTooltip(
      (view, pos, side) => {
        const run = this.#shown ? this.#runAt(view, pos, side) : null
        if (!run || this.told || plain(run, this.session.me.id)) return null
        return {
          pos, above: true,
          create: () => {
            const dom = document.createElement('div')
            dom.className = 'by-tip'
            dom.textContent = this.label(run)
            return { dom }
          },
        }
      },
      { hoverTime: 350, hideOnChange: true },
    ),
  ]

  label(run: Pick<Run, 'participant' | 'how'>): string {
    return label(this.authors[run.participant], run.how, this.session.me.id)
  }

  /** The classes and the colour by which a run, or a share, is drawn. */
  look(run: Pick<Run, 'participant' | 'how'>): { class: string; color: string } {
    const author = this.authors[run.participant]
    if (plain(run, this.session.me.id) || !author) return { class: '', color: '' }
    return { class: look(this.lines.of(author.id), run.how, author.kind), color: author.color }
  }

  /** Asks the studio who wrote what. Somebody may type meanwhile: then what it says is moved with the text. */
  async refresh(): Promise<void> {
    const { view, session } = this
    if (!view || !this.#shown) return
    try {
      await this.#stored()
      const began = performance.now()
      const doc = baseDoc(view.state)
      this.#since = ChangeSet.empty(doc.length).desc
      const { runs, participants } = await api.authors(session.id, this.page)
      if (this.view !== view || !this.#shown) return
      const text = doc.toString()
      const since = this.#since as ChangeDesc | null
      this.#since = null
      if (!since) return // asked twice at once, and answered
      this.authors = participants
      this.shares = sharesOf(runs)
      const covered = runs.at(-1)
      if ((covered ? covered.start + covered.length : 0) !== inPoints(text)) throw new Behind()
      view.dispatch({ effects: show.of(this.#drawn(view.state, text, inUtf16(text, runs), since)) })
      if (!since.empty) this.#again(Math.max(LATER, PATIENCE * (performance.now() - began)))
    } catch (error) {
      if (error instanceof Behind) this.#again(LATER)
      else if (session.online) fail(error)
    }
  }

  /** Asks about what is selected, or about the character at the caret. */
  async ask(): Promise<void> {
    const { view, session } = this
    if (!view) return
    const asked = ++this.#asked
    const { main } = view.state.selection
    const length = view.state.doc.length
    if (!length) return
    const from = main.empty ? Math.max(0, Math.min(main.head - (main.head && this.#after(view, main.head) ? 1 : 0), length - 1)) : main.from
    this.at = place(view, from, main.empty ? from + 1 : main.to)
    this.scrolled = view.scrollDOM.scrollTop
    this.told = {}
    try {
      await this.#stored()
      const doc = baseDoc(view.state)
      const [start, end] = [toBase(view.state, from), toBase(view.state, main.to)]
      const before = inPoints(doc.sliceString(0, start, '\n'))
      const to = end > start ? before + inPoints(doc.sliceString(start, end, '\n')) : undefined
      const told = await api.provenance(session.id, this.page, before, to)
      if (asked === this.#asked && this.told) this.told = told
    } catch (error) {
      if (asked === this.#asked) this.told = null
      fail(error)
    }
  }

  close(refocus = false): void {
    if (!this.told) return
    this.#asked++
    this.told = null
    if (refocus) this.view?.focus()
  }

  /** Waits until the studio has what was typed here: it counts in its own text. */
  async #stored(): Promise<void> {
    for (let tries = 0; !this.session.saved && this.session.online && tries < 40; tries++) await new Promise((done) => setTimeout(done, 100))
  }

  #again(after: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.refresh(), after)
  }

  /** At the end of a line the character before the caret is meant. */
  #after(view: EditorView, pos: number): boolean {
    return view.state.doc.lineAt(pos).to === pos
  }

  #runAt(view: EditorView, pos: number, side: number): Run | null {
    let found: Run | null = null
    view.state.field(shown).runs.between(pos, pos, (from, to, { run }) => {
      if (side < 0 ? from < pos && pos <= to : from <= pos && pos < to) found = run
    })
    return found
  }

  #look(view: EditorView): void {
    const { head } = view.state.selection.main
    this.here = this.#runAt(view, head, this.#after(view, head) ? -1 : 1)
  }

  #drawn(state: EditorState, text: string, list: (Run & { from: number; to: number })[], since: ChangeDesc): Shown {
    // Offsets of the shared text as it was, then as it is, then those of the screen, where one's own proposals stand.
    const place = <T extends { from: number; to: number }>(run: T): T => ({
      ...run, from: toView(state, since.mapPos(run.from, 1), 1), to: toView(state, since.mapPos(run.to, -1), -1),
    })
    // Lines are given out in the order of shares, so that the most of a page has the plainest.
    for (const share of this.shares) if (!plain(share, this.session.me.id)) this.lines.of(share.participant)
    const runs = list.map(place).filter(({ from, to }) => to > from).map(({ from, to, ...run }) => new Written(run).range(from, to))
    const marks: Range<Decoration>[] = []
    for (const { from, to, ...run } of smooth(text, list).map(place)) {
      const { class: classes, color } = this.look(run)
      if (classes && to > from) marks.push(Decoration.mark({ class: classes, attributes: { style: `--who:${color || 'var(--ink-soft)'}` } }).range(from, to))
    }
    return { runs: RangeSet.of(runs), marks: Decoration.set(marks) }
  }
}

/** The studio's text and this one are not the same just now. */
class Behind extends Error {}

/** Where a passage is in the scrolled area of the editor. */
function place(view: EditorView, from: number, to: number): { left: number; top: number; bottom: number; height: number } {
  const { scrollDOM } = view
  const window = scrollDOM.getBoundingClientRect()
  const first = view.coordsAtPos(from, 1)
  const last = view.coordsAtPos(Math.min(to, view.state.doc.length), -1)
  const x = (px: number) => px - window.left + scrollDOM.scrollLeft
  const y = (px: number) => px - window.top + scrollDOM.scrollTop
  return {
    left: x(first?.left ?? window.left + 40),
    top: y(Math.max(first?.top ?? window.top, window.top + 8)),
    bottom: y(Math.min(last?.bottom ?? window.bottom, window.bottom - 8)),
    height: scrollDOM.clientHeight,
  }
}

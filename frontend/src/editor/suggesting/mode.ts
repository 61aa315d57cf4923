/**
 * Suggesting mode in one editor: keeps the screen in step with the shared text and the shared suggestions, and hands
 * what the person types to the outbox. It never writes into the shared text.
 */
import { ChangeSet, type Extension, Prec, type StateEffect, type Transaction } from '@codemirror/state'
import { EditorView, keymap, type KeyBinding, ViewPlugin, type ViewUpdate } from '@codemirror/view'
import * as Y from 'yjs'
import { toast } from '../../notices.svelte'
import { wordEdits } from '../../review/diff'
import type { Hunk, Suggestion } from '../../views'
import { locator, place, position, surroundings } from '../anchors'
import { type Delta, arrive, drawn, type Settled, show } from './arriving'
import { type Marks, sides, toBase, toView, type Unit, unitsOf, wholeWords } from './marks'
import type { Outbox, Wanted } from './outbox.svelte'
import { enter, leave, onBase, outside, setMarks, type Splice, splice, spliceFields } from './splice'
import { seal, steps, take, topOf } from './steps'
import { freshUnit, suggested } from './typing'

interface Settings {
  text: Y.Text
  page: string
  me: string
  /** The suggestions of the canvas as they are now. */
  records: () => readonly Suggestion[]
  outbox: Outbox
}

/** How long keys are gathered before they are sent, and how long a unit rests before it counts as left. */
const SOON = 40
const QUIET = 3000
const OPEN: ReadonlySet<Suggestion['status']> = new Set(['open', 'stale', 'partly_accepted'])

interface Known { quote: string; replace: string; start: unknown; end: unknown; from: number }

export class Suggesting {
  view: EditorView | null = null
  /** What is known of the units on the screen; a position takes long to find, so it is kept. */
  readonly #known = new Map<string, Known>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #resting: ReturnType<typeof setTimeout> | undefined
  #here: string | null = null
  #delta: Delta | null = null
  #ends: (() => void)[] = []

  constructor(readonly settings: Settings) {}

  /** Always part of the editor; what it does begins with `enter`. */
  readonly fields: Extension = [spliceFields, steps]

  /** Takes the place of the binding to the shared text while the mode is on. */
  readonly extension: Extension = [
    suggested,
    Prec.high(keymap.of(keys)),
    ViewPlugin.define((view) => {
      this.#listen(view)
      return { update: (update) => this.#update(update), destroy: () => this.#stop() }
    }),
    EditorView.domEventHandlers({
      beforeinput: (event, view) => {
        if (event.inputType === 'historyUndo') return take(view, 'undo')
        if (event.inputType === 'historyRedo') return take(view, 'redo')
        return false
      },
      blur: () => {
        setTimeout(() => this.flush(true))
        return false
      },
    }),
  ]

  get on(): boolean {
    return Boolean(this.view?.state.field(splice, false))
  }

  /** Whether a change of one's own is on the screen as it is being typed, so that nothing else has to draw it. */
  shows(suggestion: string, hunk: Pick<Hunk, 'index' | 'quote' | 'replace'>): boolean {
    if (!this.on) return false
    return this.settings.outbox.keyOf(suggestion, hunk.index) !== undefined || this.settings.outbox.making(hunk.quote, hunk.replace)
  }

  /** Waits until what is decided about has been sent as it reads on the screen. */
  async ready(bodies: readonly { [field: string]: unknown }[]): Promise<void> {
    if (!this.on) return
    this.flush(true)
    const ids = new Set(bodies.flatMap(({ suggestion, suggestions }) => [suggestion, ...(Array.isArray(suggestions) ? (suggestions as unknown[]) : [])]).map(String))
    await this.settings.outbox.sent(ids)
  }

  // -- into the mode and out of it

  /** Begins the mode; `bind` puts this extension where the binding to the shared text was. */
  begin(view: EditorView, bind?: StateEffect<unknown>): void {
    this.view = view
    view.dispatch({ effects: [enter.of(null), ...(bind ? [bind] : [])], annotations: [onBase.of(ChangeSet.empty(view.state.doc.length)), outside.of(true)], filter: false })
    this.#restore()
    this.#adopt()
  }

  /** Ends the mode: the new words leave the text of the editor, the suggestions stay. */
  end(view: EditorView, bind: StateEffect<unknown>): void {
    this.flush(true)
    const now = view.state.field(splice)
    const gone = now?.marks.filter(({ kind }) => kind === 'ins').map(({ from, to }) => ({ from, to })) ?? []
    const changes = ChangeSet.of(gone, view.state.doc.length)
    this.#known.clear()
    view.dispatch({ changes, effects: [leave.of(null), bind], annotations: [onBase.of(ChangeSet.empty(now?.base.length ?? 0)), outside.of(true)], filter: false })
  }

  #listen(view: EditorView): void {
    this.view = view
    const { text, outbox } = this.settings
    const observer = (event: Y.YTextEvent) => {
      this.#delta = event.delta as Delta
    }
    // After all observers: by then the records say what became of a suggestion whose words have just come.
    const after = (tr: Y.Transaction) => {
      const delta = this.#delta
      this.#delta = null
      const records = (tr.changedParentTypes as ReadonlyMap<unknown, unknown>).has(text.doc!.getMap('suggestions'))
      if (delta || records) this.#arrive(delta ?? [], records)
    }
    text.observe(observer)
    text.doc?.on('afterTransaction', after)
    const keep = () => this.flush(true)
    addEventListener('pagehide', keep)
    this.#ends = [
      () => text.unobserve(observer),
      () => text.doc?.off('afterTransaction', after),
      () => removeEventListener('pagehide', keep),
      outbox.listen((news) => setTimeout(() => this.on && (news === 'made' ? this.#arrive([], true) : this.#again()))),
    ]
  }

  #stop(): void {
    for (const end of this.#ends.splice(0)) end()
    clearTimeout(this.#timer)
    clearTimeout(this.#resting)
    this.#timer = this.#resting = undefined
  }

  /** The editor goes: what was typed last is handed over. */
  close(): void {
    if (this.on) this.flush(true)
  }

  // -- what this person types

  #update(update: ViewUpdate): void {
    const before = update.startState.field(splice)
    const after = update.state.field(splice)
    if (!after) return
    if (before?.marks !== after.marks || update.docChanged) this.#soon()
    if (update.selectionSet || update.docChanged) {
      const { head } = update.state.selection.main
      const here = unitAt(after.marks, head)
      if (this.#here !== null && here !== this.#here) setTimeout(() => this.flush(true))
      this.#here = here
    }
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.flush(false)
    }, SOON)
    clearTimeout(this.#resting)
    this.#resting = setTimeout(() => this.flush(true), QUIET)
  }

  /** Hands what has changed to the outbox; `all`: nothing is a draft any more. */
  flush(all: boolean): void {
    const { view } = this
    const now = view?.state.field(splice, false)
    if (!view || !now) return
    const { outbox } = this.settings
    const units = unitsOf(now.marks)
    for (const key of this.#known.keys()) {
      if (units.has(key)) continue
      this.#known.delete(key)
      outbox.put(key, null, true)
    }
    for (const [key, unit] of units) {
      const { quote, replace } = sides(view.state.doc, unit)
      const known = this.#known.get(key)
      const final = all || key !== this.#here
      const same = known && known.quote === quote && known.replace === replace
      const entry = outbox.get(key)
      if (same && (!final || !entry || entry.final)) continue
      if (quote === replace) outbox.put(key, null, true)
      else outbox.put(key, this.#wanted(now, unit, known, final), final)
      if (!same) this.#known.set(key, this.#measured(now, unit, quote, replace, known))
    }
  }

  #measured(now: Splice, unit: Unit, quote: string, replace: string, known: Known | undefined): Known {
    const from = toBase(now.marks, unit.from)
    if (known && known.quote === quote && known.from === from) return { ...known, replace }
    const { text } = this.settings
    const start = quote ? position(text, from, 0) : position(text, from, from > 0 ? -1 : 0)
    return { quote, replace, from, start, end: quote ? position(text, from + quote.length, -1) : start }
  }

  #wanted(now: Splice, unit: Unit, known: Known | undefined, final: boolean): Wanted {
    const { doc } = this.view!.state
    const { page, text } = this.settings
    const span = final ? wholeWords(now.marks, doc, unit) : unit
    const grown = { ...unit, ...span }
    const { quote, replace } = sides(doc, grown)
    const from = toBase(now.marks, span.from)
    const at = span.from === unit.from && span.to === unit.to ? this.#measured(now, unit, quote, replace, known) : null
    const start = at?.start ?? position(text, from, quote ? 0 : from > 0 ? -1 : 0)
    const end = at?.end ?? position(text, from + quote.length, -1)
    return { page, find: quote, replace, ...surroundings(now.base, from, from + quote.length), start, end }
  }

  /** The outbox could not send something as it stood, or has units from elsewhere. */
  #again(): void {
    for (const [key, known] of this.#known) if (!this.settings.outbox.clean(key)) this.#known.set(key, { ...known, quote: '\0' })
    this.#restore()
    this.flush(false)
  }

  // -- what comes from elsewhere

  #arrive(delta: Delta, records: boolean): void {
    const { view } = this
    const now = view?.state.field(splice)
    if (!view || !now) return
    const settled = records ? this.#settled(now.marks, view) : new Map<string, Settled>()
    if (delta.length || settled.size) {
      const lost: string[] = []
      for (const [key, how] of settled) {
        const unit = unitsOf(now.marks).get(key)
        if (how.how === 'gone' && unit && !this.settings.outbox.clean(key)) lost.push(sides(view.state.doc, unit).replace)
        this.#known.delete(key)
        this.settings.outbox.forget(key)
      }
      const { changes, marks, base } = arrive(view.state.doc, now.base, now.marks, delta, settled, freshUnit)
      view.dispatch({ changes, effects: setMarks.of(marks), annotations: [onBase.of(base), outside.of(true)], filter: false })
      const words = lost.join(' … ').trim()
      if (words) toast('What you were suggesting was turned down.', { hint: `You had typed: “${words.length > 200 ? `${words.slice(0, 200)}…` : words}”` })
    }
    if (records) this.#adopt()
  }

  /** Which of the units on the screen somebody has decided about. */
  #settled(marks: Marks, view: EditorView): Map<string, Settled> {
    const { outbox } = this.settings
    const found = new Map<string, Settled>()
    const byId = new Map(this.settings.records().map((one) => [one.id, one]))
    for (const [key, unit] of unitsOf(marks)) {
      const entry = outbox.get(key)
      if (!entry?.suggestion) continue
      const hunk = byId.get(entry.suggestion)?.hunks[entry.hunk]
      if (!hunk || hunk.status === 'open' || hunk.status === 'stale') continue
      if (hunk.status === 'withdrawn' && outbox.withdrew(entry.suggestion, entry.hunk)) continue
      if (hunk.status !== 'accepted') found.set(key, { how: 'gone' })
      else {
        const known = this.#known.get(key)
        const { quote, replace } = sides(view.state.doc, unit)
        const further = !outbox.clean(key) || (known !== undefined && (known.quote !== quote || known.replace !== replace))
        // The suggestion may be of whole words where the unit is of letters.
        const text = stripped(hunk, entry.sent, quote, replace)
        found.set(key, { how: 'taken', text, further })
      }
    }
    return found
  }

  /** Puts this person's own open suggestions on the screen, and those that somebody has amended as they are now. */
  #adopt(): void {
    const { page, me, text, outbox } = this.settings
    const locate = locator(text)
    for (const suggestion of this.settings.records()) {
      if (suggestion.page !== page || suggestion.author !== me || !OPEN.has(suggestion.status)) continue
      for (const hunk of suggestion.hunks) {
        if (hunk.status !== 'open') continue
        const known = outbox.keyOf(suggestion.id, hunk.index)
        const now = this.view!.state.field(splice)!
        const shown = known !== undefined && now.marks.some(({ unit }) => unit === known)
        if (shown) {
          const entry = outbox.get(known)
          if (!outbox.clean(known) || !entry?.sent || entry.sent.replace === hunk.replace || outbox.echo(known, hunk.replace)) continue
        } else if (known !== undefined && (!outbox.clean(known) || this.#known.has(known))) continue
        else if (known === undefined && outbox.making(hunk.quote, hunk.replace)) continue
        const key = known ?? `${suggestion.id}/${hunk.index}`
        if (!this.#show(key, hunk, locate, shown)) continue
        outbox.forget(key)
        outbox.put(key, { page, find: hunk.quote, replace: hunk.replace, ...contexts(hunk), start: hunk.start, end: hunk.end }, true, {
          suggestion: suggestion.id, hunk: hunk.index, sent: { find: hunk.quote, replace: hunk.replace },
        })
      }
    }
  }

  /** Draws one proposal; not where it would lie over another one of one's own, or where its text is gone. */
  #show(key: string, hunk: Pick<Hunk, 'start' | 'end' | 'quote' | 'before' | 'after' | 'replace'>, locate: ReturnType<typeof locator>, instead: boolean): boolean {
    const view = this.view!
    const { base, marks } = view.state.field(splice)!
    const at = place(base, locate, hunk)
    if (!at || at.stale) return false
    let from = toView(marks, at.from, hunk.quote ? 1 : -1)
    let to = hunk.quote ? toView(marks, at.to, -1) : from
    const own = unitsOf(marks).get(key)
    if (instead && own) [from, to] = [Math.min(from, own.from), Math.max(to, own.to)]
    for (const unit of unitsOf(marks).values()) if (unit.key !== key && unit.from <= to && unit.to >= from) return false
    const quote = base.sliceString(toBase(marks, from), toBase(marks, to), '\n')
    const replace = instead ? quote.replace(hunk.quote, () => hunk.replace) : hunk.replace
    const edits = wordEdits(quote, replace)
    const made = show(view.state.doc, marks, from, to, drawn(quote, edits), key)
    view.dispatch({
      changes: made.changes, effects: setMarks.of(made.marks), annotations: [onBase.of(ChangeSet.empty(base.length)), outside.of(true)], filter: false,
    })
    const unit = unitsOf(made.marks).get(key)
    if (!unit) return false
    const now = view.state.field(splice)!
    const read = sides(view.state.doc, unit)
    this.#known.set(key, this.#measured(now, unit, read.quote, read.replace, undefined))
    return true
  }

  /** What the studio did not have when the page was left. */
  #restore(): void {
    const { page, text, outbox } = this.settings
    const locate = locator(text)
    const byId = new Map(this.settings.records().map((one) => [one.id, one]))
    for (const { key, wanted, suggestion, hunk } of outbox.unsent(page)) {
      const { marks, base } = this.view!.state.field(splice)!
      if (!wanted || marks.some(({ unit }) => unit === key)) continue
      const decided = suggestion ? byId.get(suggestion)?.hunks[hunk] : undefined
      let shown = false
      if (!decided || decided.status === 'open' || decided.status === 'stale') {
        const at = { start: JSON.stringify(wanted.start), end: JSON.stringify(wanted.end) }
        shown = this.#show(key, { quote: wanted.find, replace: wanted.replace, before: wanted.before, after: wanted.after, ...at }, locate, false)
        if (shown) continue
      } else {
        // Somebody took it while the page was closed: what was typed since is a change of what they took.
        const all = base.toString()
        const from = decided.status === 'accepted' && decided.replace ? all.indexOf(decided.replace) : -1
        shown = decided.replace === wanted.replace
        if (!shown && from >= 0 && all.indexOf(decided.replace, from + 1) < 0) {
          const to = from + decided.replace.length
          const at = { start: JSON.stringify(position(text, from, 0)), end: JSON.stringify(position(text, to, -1)) }
          shown = this.#show(freshUnit(), { quote: decided.replace, replace: wanted.replace, ...surroundings(base, from, to), ...at }, locate, false)
          if (shown) this.#soon()
        }
        outbox.forget(key)
      }
      if (!shown && wanted.replace) toast('The place of a suggestion is gone.', { tone: 'error', hint: `You had typed: “${wanted.replace.slice(0, 400)}”` })
    }
  }
}

/** The unit that a place is in or at the edge of. */
function unitAt(marks: Marks, pos: number): string | null {
  for (const mark of marks) if (mark.from <= pos && mark.to >= pos) return mark.unit
  return null
}

/** The words of a unit that were taken, when they were taken with the whole words around them. */
function stripped(hunk: Hunk, sent: { find: string; replace: string } | undefined, quote: string, replace: string): string {
  if (!sent || hunk.quote === quote) return hunk.replace
  const at = hunk.quote.indexOf(quote)
  if (at < 0) return hunk.replace
  const [head, tail] = [hunk.quote.slice(0, at), hunk.quote.slice(at + quote.length)]
  const inner = hunk.replace.startsWith(head) && hunk.replace.endsWith(tail) ? hunk.replace.slice(head.length, hunk.replace.length - tail.length) : hunk.replace
  return inner === replace || inner.length + head.length + tail.length === hunk.replace.length ? inner : hunk.replace
}

const contexts = ({ before, after }: Hunk) => ({ before, after })

const keys: KeyBinding[] = [
  { key: 'Mod-z', run: (view) => take(view, 'undo'), preventDefault: true },
  { key: 'Mod-y', mac: 'Mod-Shift-z', run: (view) => take(view, 'redo'), preventDefault: true },
  { key: 'Mod-Shift-z', run: (view) => take(view, 'redo'), preventDefault: true },
]

/** Whether a transaction brought in what others did. */
export const arrived = (tr: Transaction): boolean => tr.annotation(outside) === true
export { seal, topOf }

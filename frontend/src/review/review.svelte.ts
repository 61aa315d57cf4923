/** The review of one page: its cards, which one is selected, and what a person does to them. */
import { type Extension } from '@codemirror/state'
import { EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view'
import type * as Y from 'yjs'
import { locator } from '../editor/anchors'
import { foreign } from '../editor/history'
import { passage } from '../editor/passage'
import type { Session, Suggestion, Thread } from '../session.svelte'
import type { Suggesting } from '../editor/suggesting/mode'
import { draftField, focusField, reviewFields, setDraft, setFocus, typing } from './overlay'
import { type Item, itemAt, itemFrom, itemsOf, placements, type PlacedHunk, type PlacedThread, setRecords, spanOf } from './placement'

export interface SuggestionCard { kind: 'suggestion'; id: string; top: number; suggestion: Suggestion; hunks: PlacedHunk[]; stale: boolean }
export interface ThreadCard { kind: 'thread'; id: string; top: number; thread: Thread; item: PlacedThread; fix: SuggestionCard | null }
export interface DraftCard { kind: 'draft'; id: 'draft'; top: number }
export type Card = SuggestionCard | ThreadCard | DraftCard

/** How long the place of a card that was just chosen is looked for before the person scrolls on, in milliseconds. */
const SETTLE = 30

export class Review {
  cards = $state.raw<Card[]>([])
  active = $state<string | null>(null)
  hovered = $state<string | null>(null)
  /** The hunk of the active card that is meant, when it is one of several. */
  hunk = $state<number | null>(null)
  /** Cards whose decision is on its way. */
  busy = $state.raw<ReadonlySet<string>>(new Set())
  drafting = $state(false)
  resolvedShown = $state(false)
  scrollTop = $state(0)
  viewHeight = $state(0)

  readonly open: number = $derived(this.cards.filter((card) => card.kind !== 'draft').length)
  readonly activeCard: Card | undefined = $derived(this.cards.find((card) => card.id === this.active))
  readonly suggestionCards: SuggestionCard[] = $derived(
    this.cards.flatMap((card) => (card.kind === 'suggestion' ? [card] : card.kind === 'thread' && card.fix ? [card.fix] : [])),
  )

  view: EditorView | null = null
  /** The mode of the editor in which one's own suggestions are typed. */
  suggesting: Suggesting | null = null
  #settling: ReturnType<typeof setTimeout> | undefined

  constructor(
    readonly session: Session,
    readonly page: string,
    readonly text: Y.Text,
  ) {}

  /** Brings what the document says to the editor. Call it whenever the suggestions or threads changed. */
  show(suggestions: readonly Suggestion[], threads: readonly Thread[]): void {
    this.view?.dispatch({
      effects: setRecords.of({
        suggestions: suggestions.filter(({ page, status }) => page === this.page && LIVE.has(status)),
        threads: threads.filter(({ page, status }) => page === this.page && (status === 'open' || this.resolvedShown)),
        locate: locator(this.text),
      }),
    })
  }

  /** Whether a participant is writing a suggestion on this page: its caret stands in it, not beside it. */
  readonly writes = (participant: string): boolean =>
    this.cards.some((card) => card.kind === 'suggestion' && card.suggestion.status === 'streaming' && card.suggestion.author === participant)

  readonly extension: Extension = [
    reviewFields,
    typing.of((item) => this.suggesting?.shows(item.id, item.hunk) ?? false),
    ViewPlugin.define((view) => this.#attach(view)),
    EditorView.domEventHandlers({
      mouseover: (event) => {
        if (!event.buttons) this.hover(cardAt(event.target))
      },
      mouseout: (event) => {
        if (!cardAt(event.relatedTarget)) this.hover(null)
      },
    }),
  ]

  #attach(view: EditorView) {
    // Not a CodeMirror handler: those do not see clicks on what is not text.
    const onclick = (event: MouseEvent) => {
      const id = cardAt(event.target)
      if (!id || !view.contentDOM.contains(event.target as Node)) return
      const hunk = (event.target as Element).closest<HTMLElement>('[data-hunk]')?.dataset['hunk']
      this.select(id, hunk === undefined ? null : Number(hunk))
      // New words take no caret; it goes beside them, unless somebody has just selected some to copy.
      const item = this.#itemOf(id, hunk === undefined ? null : Number(hunk))
      if (!item || !(event.target as Element).closest('.sg-ins') || !view.dom.ownerDocument.getSelection()?.isCollapsed) return
      view.dispatch({ selection: { anchor: spanOf(view.state, item).to } })
      view.focus()
    }
    const onscroll = () => (this.scrollTop = view.scrollDOM.scrollTop)
    view.dom.addEventListener('click', onclick)
    view.scrollDOM.addEventListener('scroll', onscroll, { passive: true })
    return {
      update: (update: ViewUpdate) => this.#update(update),
      destroy: () => {
        view.dom.removeEventListener('click', onclick)
        view.scrollDOM.removeEventListener('scroll', onscroll)
        clearTimeout(this.#settling)
      },
    }
  }

  #update(update: ViewUpdate): void {
    const { startState: before, state, view } = update
    const changed = before.field(placements) !== state.field(placements) || before.field(draftField) !== state.field(draftField)
    const focused = before.field(focusField) !== state.field(focusField)
    if (changed || focused || update.geometryChanged || update.viewportChanged)
      view.requestMeasure({ key: this, read: () => this.#measure(view), write: (cards) => this.#lay(cards) })
    // The caret chooses the card it stands in. What others write never does.
    if (!this.drafting && update.selectionSet && update.transactions.some((tr) => tr.selection && !foreign(tr))) {
      const { main } = state.selection
      const item = itemAt(state, main.head)
      const id = item ? this.#cardOf(item) : null
      if (id !== this.active) setTimeout(() => this.view === view && this.select(id, hunkOf(item)))
      else if (item?.kind === 'hunk' && item.hunk.index !== this.hunk) setTimeout(() => this.view === view && this.select(id, hunkOf(item)))
    }
  }

  /** A comment and the fix that goes with it are one card. */
  #cardOf(item: Item): string {
    if (item.kind === 'thread') return item.id
    const thread = this.cards.find((card) => card.kind === 'thread' && card.fix?.id === item.id)
    return thread?.id ?? item.id
  }

  #measure(view: EditorView): Card[] {
    const { scrollDOM, documentTop } = view
    const offset = documentTop - scrollDOM.getBoundingClientRect().top + scrollDOM.scrollTop
    this.viewHeight = scrollDOM.clientHeight
    const top = (item: { from: number; to: number }) => beside(spanOf(view.state, item).from)
    const beside = (pos: number) => {
      const block = view.lineBlockAt(pos)
      // In a long paragraph the line of the page is not the line on the screen.
      const inside = block.height > view.defaultLineHeight * 1.8 && pos >= view.viewport.from && pos <= view.viewport.to
      const at = inside ? view.coordsAtPos(pos, 1) : null
      return at ? at.top - documentTop + offset : block.top + offset
    }
    const groups = new Map<string, PlacedHunk[]>()
    const threads: PlacedThread[] = []
    for (const item of itemsOf(view.state)) {
      if (item.kind === 'thread') threads.push(item)
      else groups.set(item.id, [...(groups.get(item.id) ?? []), item])
    }
    const suggestion = (hunks: PlacedHunk[]): SuggestionCard => {
      const first = hunks.find(({ hunk, id }) => id === this.active && hunk.index === this.hunk) ?? hunks[0]!
      return { kind: 'suggestion', id: first.id, suggestion: first.suggestion, hunks, stale: hunks.every(({ stale }) => stale), top: top(first) }
    }
    const cards: Card[] = threads.map((item) => {
      const linked = item.thread.suggestion ? groups.get(item.thread.suggestion) : undefined
      if (linked && item.thread.suggestion) groups.delete(item.thread.suggestion)
      return { kind: 'thread', id: item.id, thread: item.thread, item, fix: linked ? suggestion(linked) : null, top: top(item) }
    })
    for (const hunks of groups.values()) cards.push(suggestion(hunks))
    const draft = view.state.field(draftField)
    if (draft) cards.push({ kind: 'draft', id: 'draft', top: beside(draft.from) })
    return cards.sort((a, b) => a.top - b.top || (a.id < b.id ? -1 : 1))
  }

  #lay(cards: Card[]): void {
    if (!alike(cards, this.cards)) this.cards = cards
    const { active } = this
    // Not now: the editor is measuring.
    if (active && active !== 'draft' && !cards.some(({ id }) => id === active)) setTimeout(() => this.active === active && this.select(null))
  }

  select(id: string | null, hunk: number | null = null): void {
    if (id === this.active && hunk === this.hunk) return
    this.active = id
    this.hunk = hunk
    this.#focus()
  }

  hover(id: string | null, hunk: number | null = null): void {
    if (id === this.hovered && (id === null || hunk === null)) return
    this.hovered = id
    this.#focus(hunk)
  }

  #focus(hovered: number | null = null): void {
    const fix = (id: string | null) => {
      const card = this.cards.find((one) => one.id === id)
      return card?.kind === 'thread' && card.fix ? card.fix.id : id
    }
    this.view?.dispatch({
      effects: setFocus.of({ active: fix(this.active), hovered: fix(this.hovered), hunk: hovered ?? this.hunk }),
    })
  }

  /** Brings a card's place onto the screen without moving the caret. */
  reveal(id: string, hunk: number | null = null): void {
    this.select(id, hunk)
    const { view } = this
    if (!view) return
    const item = this.#itemOf(id, hunk)
    if (!item) return
    const { from } = spanOf(view.state, item)
    const at = view.coordsAtPos(from)
    const window = view.scrollDOM.getBoundingClientRect()
    if (!at || at.top < window.top + 24 || at.bottom > window.bottom - 24)
      view.dispatch({ effects: EditorView.scrollIntoView(from, { y: 'center' }) })
  }

  #itemOf(id: string, hunk: number | null): Item | undefined {
    const items = this.view ? itemsOf(this.view.state) : []
    return items.find((item) => item.id === id && (hunk === null || (item.kind === 'hunk' && item.hunk.index === hunk))) ?? items.find((item) => item.id === id)
  }

  /** Moves the caret to the next or previous suggestion or comment and says what it is. */
  go(step: 1 | -1): boolean {
    const { view } = this
    if (!view) return false
    const item = itemFrom(view.state, view.state.selection.main.head, step)
    if (!item) {
      this.say('There is nothing to review on this page.')
      return false
    }
    const { from } = spanOf(view.state, item)
    view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: 'center' }), userEvent: 'select.review' })
    view.focus()
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => this.select(this.#cardOf(item), hunkOf(item)), SETTLE)
    this.say(describe(item))
    return true
  }

  say(words: string): void {
    this.view?.dispatch({ effects: EditorView.announce.of(words) })
  }

  /** What a key means: the hunk at the caret, else the selected card. */
  #meant(): { id: string; hunks?: number[] } | null {
    const { view } = this
    const item = view && itemAt(view.state, view.state.selection.main.head)
    if (item?.kind === 'hunk') return { id: item.id, hunks: [item.hunk.index] }
    const card = this.activeCard
    if (card?.kind === 'suggestion') return { id: card.id, ...(this.hunk === null ? {} : { hunks: [this.hunk] }) }
    return card?.kind === 'thread' && card.fix ? { id: card.fix.id } : null
  }

  async decideHere(verb: 'accept' | 'reject'): Promise<void> {
    const meant = this.#meant()
    if (!meant) return this.say('The caret is not in a suggestion. F8 goes to the next one.')
    await this.decide(verb, meant.id, meant.hunks)
  }

  async decide(verb: 'accept' | 'reject' | 'withdraw', id: string, hunks?: number[]): Promise<boolean> {
    const done = await this.#once(id, () => this.session.act({ type: verb, suggestion: id, ...(hunks ? { hunks } : {}) }))
    if (done) this.say({ accept: 'Accepted.', reject: 'Rejected.', withdraw: 'Withdrawn.' }[verb])
    return done
  }

  /** Every suggestion of somebody, or of everybody, one after the other; what has gone stale is left. */
  async decideAll(verb: 'accept' | 'reject', author?: string): Promise<void> {
    let done = 0
    let left = 0
    const cards = this.suggestionCards
    for (const card of cards) {
      if ((author && card.suggestion.author !== author) || card.suggestion.status === 'streaming') continue
      const hunks = card.hunks.filter(({ stale }) => verb === 'reject' || !stale).map(({ hunk }) => hunk.index)
      left += card.hunks.length - hunks.length
      if (hunks.length && (await this.decide(verb, card.id, hunks))) done++
    }
    const count = done === 1 ? 'One suggestion' : `${done} suggestions`
    this.say(`${count} ${verb === 'accept' ? 'accepted' : 'rejected'}.${left ? ' Those whose text has changed are left.' : ''}`)
  }

  async reply(thread: string, text: string): Promise<boolean> {
    return this.#once(thread, () => this.session.act({ type: 'reply', thread, text }))
  }

  async resolve(thread: string, reopen = false): Promise<boolean> {
    const done = await this.#once(thread, () => this.session.act({ type: 'resolve', thread, ...(reopen ? { reopen } : {}) }))
    if (done) this.say(reopen ? 'Opened again.' : 'Resolved.')
    return done
  }

  /** Does one thing to a card and not twice at once. The session has told the person about a failure. */
  async #once(id: string, run: () => Promise<unknown>): Promise<boolean> {
    if (this.busy.has(id)) return false
    this.busy = new Set([...this.busy, id])
    try {
      await run()
      return true
    } catch {
      return false
    } finally {
      this.busy = new Set([...this.busy].filter((other) => other !== id))
    }
  }

  /** Begins a comment on the selection, or on the paragraph of the caret. */
  comment(): void {
    const { view } = this
    if (!view || !this.session.canComment) return
    const { main } = view.state.selection
    const line = view.state.doc.lineAt(main.head)
    const range = main.empty ? { from: line.from, to: line.to } : { from: main.from, to: main.to }
    if (range.to === range.from) return this.say('Select the words that the comment is about.')
    this.drafting = true
    view.dispatch({ effects: setDraft.of(range) })
    this.active = 'draft'
    this.#focus()
  }

  async sendComment(text: string): Promise<boolean> {
    const { view } = this
    const draft = view?.state.field(draftField)
    if (!view || !draft) return false
    const place = passage(view.state, this.text, this.page, draft.from, draft.to)
    const done = await this.#once('draft', () => this.session.act({ type: 'comment', ...place, text }))
    if (done) {
      view.dispatch({ selection: { anchor: view.state.field(draftField)?.to ?? draft.to } })
      this.dropDraft()
      this.say('Comment added.')
    }
    return done
  }

  dropDraft(): void {
    this.drafting = false
    this.view?.dispatch({ effects: setDraft.of(null) })
    if (this.active === 'draft') this.select(null)
    // Back to the text, unless the person has gone elsewhere meanwhile.
    const at = document.activeElement
    if (!at || at === document.body || at.closest('.rail, .dock')) this.view?.focus()
  }
}

const LIVE = new Set<Suggestion['status']>(['streaming', 'open', 'partly_accepted', 'stale'])

const cardAt = (target: EventTarget | null): string | null =>
  (target instanceof Element && target.closest<HTMLElement>('[data-review]')?.dataset['review']) || null

const hunkOf = (item: Item | undefined): number | null => (item?.kind === 'hunk' && item.suggestion.hunks.length > 1 ? item.hunk.index : null)

function describe(item: Item): string {
  const short = (text: string) => (text.length > 80 ? `${text.slice(0, 80)}…` : text)
  if (item.kind === 'thread') return `Comment by ${item.thread.name}: ${short(item.thread.comments[0]?.text ?? '')}`
  const { quote, replace } = item.hunk
  const change = !quote ? `insert “${short(replace)}”` : !replace ? `remove “${short(quote)}”` : `replace “${short(quote)}” by “${short(replace)}”`
  return `Suggestion by ${item.suggestion.name}: ${change}.${item.stale ? ' The text has changed since.' : ''}`
}

/** Cards that look the same stay the same: what streams on the other end of the page moves nothing here. */
function alike(a: readonly Card[], b: readonly Card[]): boolean {
  return a.length === b.length && a.every((card, i) => same(card, b[i]!))
}

function same(a: Card, b: Card): boolean {
  if (a.id !== b.id || a.kind !== b.kind || Math.abs(a.top - b.top) >= 0.5) return false
  if (a.kind === 'suggestion' && b.kind === 'suggestion')
    return a.suggestion === b.suggestion && a.hunks.length === b.hunks.length && a.hunks.every((hunk, i) => hunk.stale === b.hunks[i]!.stale && hunk.edits === b.hunks[i]!.edits)
  if (a.kind === 'thread' && b.kind === 'thread')
    return a.thread === b.thread && a.item.stale === b.item.stale && (a.fix && b.fix ? same(a.fix, b.fix) : a.fix === b.fix)
  return true
}

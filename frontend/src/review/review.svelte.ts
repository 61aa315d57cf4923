/** The review of one page: its cards, which one is selected, and what a person does to them. */
import { type Extension } from '@codemirror/state'
import { EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view'
import type * as Y from 'yjs'
import { locator } from '../editor/anchors'
import { foreign } from '../editor/history'
import { passage } from '../editor/passage'
import { baseDoc } from '../editor/suggesting/splice'
import type { Session, Suggestion, Thread } from '../session.svelte'
import { ApiError, api, type ActionBody, type Outcome } from '../api'
import { fail, toast } from '../notices.svelte'
import { studio } from '../studio.svelte'
import type { Suggesting } from '../editor/suggesting/mode'
import { alike, type Card, cardAt, cardsOf, groupId, type GroupCard, heights, hunkOf, type SuggestionCard } from './cards'
import { type Decisions, decisionsOf } from './decisions.svelte'
import { draftField, focusField, reviewFields, setChoice, setDraft, setFocus, typing } from './overlay'
import { type Item, itemAt, itemFrom, itemsOf, keyOf, placements, type PlacedHunk, setRecords, spanOf } from './placement'
import { sealTyping, undoing } from './undoing'
import { counted, describe, letter, wordsAround } from './words'

/** How long the place of a card that was just chosen is looked for before the person scrolls on, in milliseconds. */
const SETTLE = 30
/** How long after a key the cards beside its line are put right, in milliseconds. */
const FOLLOW = 160

export type { Card, GroupCard, SuggestionCard, ThreadCard } from './cards'

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
  /** Every change on the page that can be decided, also the alternatives. */
  readonly hunks: PlacedHunk[] = $derived(this.cards.flatMap((card) => (card.kind === 'group' ? card.options : card.kind === 'suggestion' ? card.hunks : card.kind === 'thread' && card.fix ? card.fix.hunks : [])))
  /** The change whose words are being edited, and what stands in its field. */
  editing = $state.raw<{ key: string; text: string; was: string } | null>(null)
  /** Which alternative of a group is looked at; the first one until somebody chooses. */
  choices = $state.raw<ReadonlyMap<string, string>>(new Map())
  /** The list of what was decided last is open. */
  recent = $state(false)
  readonly decisions: Decisions

  view: EditorView | null = null
  /** The mode of the editor in which one's own suggestions are typed. */
  suggesting: Suggesting | null = null
  #drawn = { from: 0, to: 0 }
  #settling: ReturnType<typeof setTimeout> | undefined
  #following: ReturnType<typeof setTimeout> | undefined

  constructor(
    readonly session: Session,
    readonly page: string,
    readonly text: Y.Text,
  ) {
    this.decisions = decisionsOf(text, session)
    this.extension = this.#extend()
  }

  /** Brings what the document says to the editor. Call it whenever the suggestions or threads changed. */
  show(suggestions: readonly Suggestion[], threads: readonly Thread[]): void {
    // What is said about a suggestion that waits is read on its card.
    const waiting = new Set(suggestions.filter(({ status }) => LIVE.has(status)).map(({ id }) => id))
    this.view?.dispatch({
      effects: setRecords.of({
        suggestions: suggestions.filter(({ page, status }) => page === this.page && LIVE.has(status)),
        threads: threads.filter(({ page, status, about }) => page === this.page && !(about && waiting.has(about)) && (status === 'open' || this.resolvedShown)),
        locate: locator(this.text),
      }),
    })
  }

  /** Whether a participant is writing a suggestion on this page: its caret stands in it, not beside it. */
  readonly writes = (participant: string): boolean =>
    this.cards.some((card) => card.kind === 'suggestion' && card.suggestion.status === 'streaming' && card.suggestion.author === participant)

  readonly extension: Extension

  #extend = (): Extension => [
    reviewFields,
    undoing(this.text, this.decisions),
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
    this.#drawn = view.viewport
    view.dom.addEventListener('click', onclick)
    view.scrollDOM.addEventListener('scroll', onscroll, { passive: true })
    return {
      update: (update: ViewUpdate) => this.#update(update),
      destroy: () => {
        view.dom.removeEventListener('click', onclick)
        view.scrollDOM.removeEventListener('scroll', onscroll)
        clearTimeout(this.#settling)
        clearTimeout(this.#following)
      },
    }
  }

  #update(update: ViewUpdate): void {
    const { startState: before, state, view } = update
    const changed = before.field(placements).drawn !== state.field(placements).drawn || before.field(draftField) !== state.field(draftField)
    const focused = before.field(focusField) !== state.field(focusField)
    const scrolled = this.#scrolled(update) // it follows every update
    const measure = () => view.requestMeasure({ key: this, read: () => this.#measure(view), write: (cards) => this.#lay(cards) })
    if (changed || focused || update.heightChanged || scrolled || (update.geometryChanged && !update.docChanged)) measure()
    // A key within a line moves at most the cards of that line: they may follow when the person rests.
    else if (update.docChanged) {
      clearTimeout(this.#following)
      this.#following = setTimeout(measure, FOLLOW)
    }
    // The caret chooses the card it stands in. What others write never does.
    if (!this.drafting && update.selectionSet && update.transactions.some((tr) => tr.selection && !foreign(tr))) {
      const { main } = state.selection
      const item = itemAt(state, main.head)
      const id = item ? this.#cardOf(item) : null
      if (id !== this.active) setTimeout(() => this.view === view && this.select(id, hunkOf(item)))
      else if (item?.kind === 'hunk' && item.hunk.index !== this.hunk) setTimeout(() => this.view === view && this.select(id, hunkOf(item)))
    }
  }

  /** Whether other lines are drawn than before. (The editor also says so when those it draws have grown by a key.) */
  #scrolled({ changes, view }: ViewUpdate): boolean {
    const { from, to } = this.#drawn
    this.#drawn = view.viewport
    return changes.mapPos(from, -1) !== view.viewport.from || changes.mapPos(to, 1) !== view.viewport.to
  }

  /** A comment and the fix that goes with it are one card. */
  #cardOf(item: Item): string {
    if (item.kind === 'thread') return item.id
    if (item.group) return groupId(item.group)
    const thread = this.cards.find((card) => card.kind === 'thread' && card.fix?.id === item.id)
    return thread?.id ?? item.id
  }

  #measure(view: EditorView): Card[] {
    this.viewHeight = view.scrollDOM.clientHeight
    const beside = heights(view)
    const top = (item: { from: number; to: number }) => beside(spanOf(view.state, item).from)
    const cards = cardsOf(itemsOf(view.state), top, { id: this.active, hunk: this.hunk })
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
    const inText = (id: string | null) => {
      const card = this.cards.find((one) => one.id === id)
      if (card?.kind === 'group') return this.chosen(card).id
      return card?.kind === 'thread' && card.fix ? card.fix.id : id
    }
    const card = this.activeCard
    const hunk = hovered ?? (card?.kind === 'group' ? this.chosen(card).hunk.index : this.hunk)
    this.view?.dispatch({ effects: setFocus.of({ active: inText(this.active), hovered: inText(this.hovered), hunk }) })
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
    const card = this.cards.find((one) => one.id === id)
    if (card?.kind === 'group') return this.chosen(card)
    return items.find((item) => item.id === id && (hunk === null || (item.kind === 'hunk' && item.hunk.index === hunk))) ?? items.find((item) => item.id === id)
  }

  /** A card's change where it stands now: cards are not made anew for every key. */
  #now(item: PlacedHunk): PlacedHunk {
    const items = this.view ? itemsOf(this.view.state) : []
    return (items.find((one) => keyOf(one) === keyOf(item)) as PlacedHunk | undefined) ?? item
  }

  nowReads(item: PlacedHunk): string {
    const { from, to } = this.#now(item)
    return this.view ? baseDoc(this.view.state).sliceString(from, to, '\n') : ''
  }

  /** The words on either side of where a change stood. */
  around(item: PlacedHunk): string {
    return this.view ? wordsAround(baseDoc(this.view.state), this.#now(item).from) : ''
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
  meant(): PlacedHunk[] {
    const { view } = this
    const card = this.activeCard
    const item = view && itemAt(view.state, view.state.selection.main.head)
    if (item?.kind === 'hunk') {
      const group = item.group && this.cards.find(({ id }) => id === groupId(item.group))
      return group && group.kind === 'group' ? [this.chosen(group)] : [item]
    }
    if (card?.kind === 'group') return [this.chosen(card)]
    const one = card?.kind === 'suggestion' ? card : card?.kind === 'thread' ? card.fix : null
    return one ? one.hunks.filter(({ hunk }) => this.hunk === null || hunk.index === this.hunk) : []
  }

  async decideHere(verb: 'accept' | 'reject'): Promise<void> {
    const meant = this.meant()
    const [first] = meant
    if (!first) return this.say('The caret is not in a suggestion. F8 goes to the next one.')
    const group = first.group ? this.cards.find(({ id }) => id === groupId(first.group)) : undefined
    if (group?.kind === 'group' && verb === 'accept') await this.take(group, first)
    else await this.decide(verb, first.id, meant.map(({ hunk }) => hunk.index))
  }

  async decide(verb: 'accept' | 'reject' | 'withdraw', id: string, hunks?: number[]): Promise<boolean> {
    const said = { accept: 'Accepted.', reject: 'Rejected.', withdraw: 'Withdrawn.' }[verb]
    return this.#decided(id, [{ type: verb, suggestion: id, ...(hunks ? { hunks } : {}) }], () => said)
  }

  /** Decides, as one step for the undo key. */
  #decided(id: string, bodies: ActionBody[], words: (outcomes: Outcome[]) => string): Promise<boolean> {
    return this.#once(id, async () => {
      sealTyping(this.text)
      if (this.suggesting?.on) await this.suggesting.ready(bodies)
      await this.decisions.make(bodies, words)
    })
  }

  /** Every suggestion of somebody, or of everybody, as one decision; what cannot be taken is left, and counted. */
  async decideAll(verb: 'accept' | 'reject', author?: string): Promise<void> {
    const meant = this.hunks.filter(({ suggestion }) => (!author || suggestion.author === author) && suggestion.status !== 'streaming')
    const suggestions = [...new Set(meant.map(({ id }) => id))]
    if (!suggestions.length) return this.say('There is nothing to decide on this page.')
    await this.#decided('all', [{ type: verb === 'accept' ? 'accept_all' : 'reject_all', suggestions }], ([outcome]) => counted(verb, outcome))
  }

  // -- alternatives

  /** The alternative of a group that the text shows. */
  chosen(card: GroupCard): PlacedHunk {
    const key = this.choices.get(card.id)
    return card.options.find((option) => keyOf(option) === key) ?? card.options[0]!
  }

  choose(card: GroupCard, option: PlacedHunk): void {
    this.choices = new Map([...this.choices, [card.id, keyOf(option)]])
    this.view?.dispatch({ effects: setChoice.of({ group: option.group, key: keyOf(option) }) })
    this.active = card.id
    this.#focus()
    this.say(`Alternative ${letter(card.options.indexOf(option))}: ${describe(option)}`)
  }

  /** The alternative with this number of the group that is looked at. */
  chooseNumber(number: number): void {
    const card = this.activeCard
    const option = card?.kind === 'group' ? card.options[number - 1] : undefined
    if (card?.kind === 'group' && option) this.choose(card, option)
    else this.say('There is no such alternative here.')
  }

  /** Takes one alternative; the others are turned down with it. */
  take(card: GroupCard, option: PlacedHunk): Promise<boolean> {
    const others = card.options.filter((one) => one !== option && one.id !== option.id)
    return this.#decided(
      card.id,
      [{ type: 'accept', suggestion: option.id, hunks: [option.hunk.index] }, ...others.map(({ id, hunk }) => ({ type: 'reject', suggestion: id, hunks: [hunk.index] }))],
      () => `Took ${option.suggestion.name}’s.`,
    )
  }

  rejectGroup(card: GroupCard): Promise<boolean> {
    return this.#decided(card.id, card.options.map(({ id, hunk }) => ({ type: 'reject', suggestion: id, hunks: [hunk.index] })), () => 'Rejected all of them.')
  }

  /** Takes all alternatives together; where their words are in each other's way the person writes what shall stand there. */
  async takeTogether(card: GroupCard, replace?: string): Promise<boolean> {
    const takes = card.options.map(({ id, hunk }) => ({ suggestion: id, hunk: hunk.index }))
    return this.#once(card.id, async () => {
      sealTyping(this.text)
      try {
        await this.decisions.make([{ type: 'merge', takes, ...(replace === undefined ? {} : { replace }) }], () => 'Took them together.', replace === undefined ? 'conflict' : '')
        this.editing = null
      } catch (error) {
        const texts = error instanceof ApiError && error.code === 'conflict' ? (error.details['texts'] as { text: string }[] | undefined) : undefined
        if (!texts?.length || replace !== undefined) throw error
        this.writeTogether(card)
      }
    })
  }

  /** Opens a field for what shall stand where the alternatives are; it begins with the one that is looked at. */
  writeTogether(card: GroupCard): void {
    const { view } = this
    if (!view) return
    const doc = baseDoc(view.state)
    const options = card.options.map((option) => this.#now(option))
    const one = this.#now(this.chosen(card))
    const from = Math.min(...options.map((option) => option.from))
    const to = Math.max(...options.map((option) => option.to))
    const now = doc.sliceString(from, one.from, '\n') + one.hunk.replace + doc.sliceString(one.to, to, '\n')
    this.editing = { key: card.id, text: now, was: doc.sliceString(from, to, '\n') }
    this.select(card.id)
  }

  // -- amending

  mayEdit(item: PlacedHunk): boolean {
    const { session } = this
    return !item.streaming && (session.canEdit || (session.canComment && item.suggestion.author === session.me.id))
  }

  /** Opens the new words of a change for editing. */
  edit(item: PlacedHunk): void {
    if (!this.mayEdit(item)) return
    this.editing = { key: keyOf(item), text: item.hunk.replace, was: item.hunk.quote }
    this.select(item.group ? groupId(item.group) : this.#cardOf(item), item.suggestion.hunks.length > 1 ? item.hunk.index : null)
  }

  editHere(): void {
    const [first] = this.meant()
    if (first) this.edit(first)
    else this.say('The caret is not in a suggestion. F8 goes to the next one.')
  }

  /** Amends a change; with `take` it is accepted as it reads now. */
  async amend(item: PlacedHunk, replace: string, take: boolean): Promise<boolean> {
    const { id, hunk } = item
    const done = replace === hunk.replace || (await this.#once(id, () => this.session.act({ type: 'amend', suggestion: id, hunks: [{ hunk: hunk.index, replace }] })))
    if (!done) return false
    this.editing = null
    if (!take) this.say('Changed.')
    const group = item.group ? this.cards.find(({ id: card }) => card === groupId(item.group)) : undefined
    if (take) await (group?.kind === 'group' ? this.take(group, item) : this.decide('accept', id, [hunk.index]))
    this.view?.focus()
    return true
  }

  // -- out of date

  /** Asks the agent to make a suggestion again, on the text as it reads today. */
  async redo(item: PlacedHunk): Promise<boolean> {
    return this.#once(item.id, async () => {
      try {
        await api.redo(this.session.id, item.id, studio.chosen?.name)
        toast(`Asked ${item.suggestion.name} to do it again on today’s text.`)
      } catch (error) {
        fail(error)
        throw error
      }
    })
  }

  /** Goes to where an outdated suggestion stood, to make the change oneself. */
  byHand(item: PlacedHunk): void {
    const { view } = this
    if (!view) return
    const { from, to } = spanOf(view.state, this.#now(item))
    view.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: 'center' }) })
    view.focus()
  }

  /** Takes an earlier decision back. */
  async undoDecision(decision: string): Promise<boolean> {
    return this.#once(`decision:${decision}`, async () => {
      await this.session.act({ type: 'undo', decision })
      toast('Taken back.')
    })
  }

  /** Says something about a suggestion, whoever's it is. */
  async talk(suggestion: string, text: string): Promise<boolean> {
    return this.#once(`talk:${suggestion}`, () => this.session.act({ type: 'comment', suggestion, text }))
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

/**
 * The inbox on the screen. What a person decides leaves it at once; the studio is told meanwhile, and an item comes
 * back with the reason when the studio refuses.
 */
import { type ActionBody, api, ApiError, freshKey, type Outcome } from '../api'
import { announce, fail, toast } from '../notices.svelte'
import { Remembered } from '../remembered.svelte'
import { taskApi } from '../tasks/http'
import { byCanvas, type Clash, decides, type Group, heads, inOrder, type Item, type Kind, keyOf, markOf, matches, names, remark, rivals, takes, type TaskResults, type Waiting } from './items'

const PAGE = 100
/** So long after a decision another node may still say what was before it, in milliseconds. */
const ECHO = 8000
const GATHER = 250

/** One thing that was decided here, and how it is taken back. */
interface Step { says: string; items: Item[]; done: Promise<boolean>; back?: () => Promise<unknown> }

const decisionOf = (outcome: Outcome | undefined): string => String(outcome?.['decision'] ?? '')

export class Inbox {
  items = $state.raw<Item[]>([])
  count = $state(0)
  loaded = $state(false)
  failed = $state(false)
  more = $state(false)
  current = $state('')
  words = $state('')
  kind = $state<Kind | ''>('')
  marked = $state.raw<ReadonlySet<string>>(new Set())
  choices = $state.raw<ReadonlyMap<string, number>>(new Map())
  /** Why an item came back, by key. */
  refused = $state.raw<ReadonlyMap<string, string>>(new Map())
  /** Agents are at work on these anew. */
  asked = $state.raw<ReadonlySet<string>>(new Set())
  skipped = $state.raw<ReadonlySet<string>>(read())
  steps = $state.raw<Step[]>([])
  /** The tasks whose results are shown one by one. */
  opened = $state.raw<ReadonlySet<string>>(new Set())
  /** What tasks made, and what changed around it meanwhile, of those that were looked at. */
  results = $state.raw<ReadonlyMap<string, TaskResults>>(new Map())
  /** How many were decided since the page was opened. */
  decided = $state(0)
  readonly #grouped = new Remembered<boolean>('inbox-by-canvas', false)
  #gone = $state.raw<ReadonlyMap<string, number>>(new Map())
  readonly #latest = new Map<string, { done?: Promise<unknown> }>()
  readonly #returning = new Map<string, { item: Item; until: number }>()

  #pages = 1
  #next: string | null = null
  #loading: Promise<void> | undefined
  #again = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #drop: (() => void) | undefined
  #source: EventSource | undefined

  readonly #present: Item[] = $derived(this.items.filter((item) => !this.#gone.has(markOf(item))))
  readonly groups: Group[] = $derived.by(() => {
    const sought = this.kind !== '' || this.words.trim() !== ''
    const list = this.#present.filter((item) => (sought ? (!this.kind || item.kind === this.kind) && matches(item, this.words) : heads(item) || !item.of || this.opened.has(item.of)))
    const off = new Set(this.#present.filter((item) => heads(item) && this.skipped.has(markOf(item))).map(({ of }) => of))
    const later = (item: Item) => this.skipped.has(markOf(item)) || (item.of !== undefined && off.has(item.of))
    // What was put off for now stays in reach, at the end.
    const ordered = [...list.filter((item) => !later(item)), ...list.filter(later)]
    return this.#grouped.value ? byCanvas(ordered) : [{ id: '', title: '', items: ordered }]
  })
  readonly shown: Item[] = $derived(this.groups.flatMap(({ items }) => items))
  readonly item: Item | undefined = $derived(this.shown.find((item) => keyOf(item) === this.current) ?? this.shown[0])
  readonly at: number = $derived(this.item ? this.shown.indexOf(this.item) : -1)
  readonly kinds: Partial<Record<Kind, number>> = $derived.by(() => {
    const kinds: Partial<Record<Kind, number>> = {}
    for (const item of this.#present) if (!names(item)) kinds[item.kind] = (kinds[item.kind] ?? 0) + 1
    return kinds
  })
  /** What is left, also of that which has not been loaded. */
  readonly left: number = $derived.by(() => {
    const [there, shown] = [this.items, this.#present].map((items) => items.filter((item) => !names(item)).length) as [number, number]
    return Math.max(shown, this.count - (there - shown))
  })

  get grouped(): boolean {
    return this.#grouped.value
  }
  set grouped(value: boolean) {
    this.#grouped.value = value
  }

  // -- loading

  /** Keeps the list true while the page is on the screen; the answer stops that. */
  open(): () => void {
    void this.load()
    const onlook = () => {
      if (!document.hidden) this.soon()
    }
    document.addEventListener('visibilitychange', onlook)
    if (typeof EventSource !== 'undefined') {
      this.#source = new EventSource('/api/inbox/events')
      this.#source.addEventListener('listening', () => this.soon())
      this.#source.addEventListener('changed', () => this.soon())
    }
    return () => {
      document.removeEventListener('visibilitychange', onlook)
      this.#source?.close()
      clearTimeout(this.#timer)
      this.#timer = undefined
    }
  }

  soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.load()
    }, GATHER)
  }

  async load(): Promise<void> {
    if (this.#loading) {
      this.#again = true
      return this.#loading
    }
    this.#loading = this.#load().finally(() => (this.#loading = undefined))
    await this.#loading
    if (this.#again) {
      this.#again = false
      this.soon()
    }
  }

  async #load(): Promise<void> {
    const began = Date.now()
    try {
      const items: Item[] = []
      let part: Waiting | undefined
      for (let page = 0; page < this.#pages && (!part || part.next); page++) {
        part = await api.inbox({ limit: PAGE, ...(part?.next ? { after: part.next } : {}) })
        items.push(...part.items)
      }
      this.#gone = new Map([...this.#gone].filter(([, until]) => until > began))
      for (const [key, { item, until }] of this.#returning) {
        if (until <= began) this.#returning.delete(key)
        else if (!items.some((other) => keyOf(other) === key)) items.push(item)
      }
      this.#show(items.sort(inOrder))
      this.count = part?.count ?? 0
      this.#next = part?.next ?? null
      this.more = this.#next !== null
      this.loaded = true
      this.failed = false
    } catch (error) {
      this.failed = true
      if (!this.loaded) fail(error)
    }
  }

  #show(items: Item[]): void {
    const before = this.item && keyOf(this.item)
    const at = this.at
    this.items = items
    const there = (set: ReadonlySet<string>) => new Set([...set].filter((key) => items.some((item) => keyOf(item) === key)))
    if (this.marked.size) this.marked = there(this.marked)
    // What was opened stays open for as long as something of it is left.
    if (this.opened.size) this.opened = new Set([...this.opened].filter((task) => items.some((item) => heads(item) && item.of === task)))
    if (this.asked.size) this.asked = new Set([...this.asked].filter((mark) => items.some((item) => markOf(item) === mark)))
    // Somebody else has decided the one that is read: the next takes its place.
    if (before && !this.shown.some((item) => keyOf(item) === before)) this.current = this.shown[Math.min(at, this.shown.length - 1)] ? keyOf(this.shown[Math.min(at, this.shown.length - 1)]!) : ''
    else if (before) this.current = before
  }

  async showMore(): Promise<void> {
    this.#pages++
    await this.load()
  }

  // -- moving about

  go(step: number): void {
    const next = this.shown[Math.max(0, Math.min(this.shown.length - 1, this.at + step))]
    if (next) this.current = keyOf(next)
    if (this.more && this.at > this.shown.length - 10) void this.showMore()
  }

  select(item: Item): void {
    this.current = keyOf(item)
  }

  /** Shows what a task made one by one, and goes to the first of it; or folds it up again. */
  unfold(item: Item, open = !this.opened.has(item.of ?? '')): void {
    const task = item.of
    if (!task) return
    this.opened = new Set(open ? [...this.opened, task] : [...this.opened].filter((other) => other !== task))
    const to = open ? this.shown.find((one) => one.of === task && !heads(one)) : this.shown.find((one) => one.of === task)
    if (to) this.current = keyOf(to)
  }

  /** What of a task still waits, as far as it is loaded. */
  below(item: Item): Item[] {
    return this.#present.filter((one) => one.of !== undefined && one.of === item.of && !heads(one))
  }

  /** The changes of a task that can be decided as one: where somebody has to choose or write, they are asked. */
  decidable(item: Item, verb: 'accept' | 'reject'): Item[] {
    return this.below(item).filter((one) => one.options && decides(one) && (verb === 'reject' ? one.kind !== 'audit' : one.kind === 'suggestion' && one.options.length === 1))
  }
  remarks(item: Item): Item[] {
    return this.below(item).filter(remark)
  }

  /** Finds out what a task made, and what changed around it since it began. */
  async look(task: string): Promise<void> {
    try {
      this.results = new Map([...this.results, [task, await api.taskResults(task)]])
    } catch {
      // It is not known then; everything can be decided without.
    }
  }

  choose(item: Item, choice: number): void {
    if (item.options?.[choice]) this.choices = new Map([...this.choices, [keyOf(item), choice]])
  }
  choiceOf(item: Item): number {
    return Math.min(this.choices.get(keyOf(item)) ?? 0, (item.options?.length ?? 1) - 1)
  }

  mark(item: Item): void {
    const key = keyOf(item)
    this.marked = this.marked.has(key) ? new Set([...this.marked].filter((other) => other !== key)) : new Set([...this.marked, key])
    announce(this.marked.has(key) ? `Selected, ${this.marked.size} in all.` : `Not selected any more, ${this.marked.size} left.`)
  }
  unmark(): void {
    this.marked = new Set()
  }

  /** Puts an item off: it goes to the end, in this browser, until there is something else to decide about it. */
  skip(item: Item): void {
    const mark = markOf(item)
    this.#advance([item])
    if (this.skipped.has(mark)) return
    this.skipped = new Set([...this.skipped, mark])
    write(this.skipped)
    this.#step({
      says: 'Put off for now.', items: [item], done: Promise.resolve(true),
      back: async () => {
        this.skipped = new Set([...this.skipped].filter((other) => other !== mark))
        write(this.skipped)
      },
    })
  }

  /** The one after those that leave becomes the current one. */
  #advance(leaving: readonly Item[]): void {
    const keys = new Set(leaving.map(keyOf))
    if (!this.item || !keys.has(keyOf(this.item))) return
    const { shown, at } = this
    const next = shown.slice(at + 1).find((item) => !keys.has(keyOf(item))) ?? shown.slice(0, at).findLast((item) => !keys.has(keyOf(item)))
    this.current = next ? keyOf(next) : ''
  }

  // -- deciding

  accept(item: Item): void {
    if (heads(item)) return this.decideAll(item, 'accept')
    if (item.kind === 'audit') return this.#decide([item], 'It is good.', () => this.#act(item, { type: 'audit', suggestion: item.options![0]!.suggestion, verdict: 'good' }).then(() => undefined))
    if (item.kind === 'question' && item.thread) return this.#resolve(item)
    if (item.kind === 'run') return this.#retry(item)
    if (item.task?.state === 'failed') return this.#retryTask(item)
    if (item.task?.state === 'done') return this.#dismissTask(item, 'Seen.')
    if (item.kind === 'waits' || item.kind === 'task') return toAnswer(item, 'accept')
    if (item.kind === 'stale') return announce('The text has changed, so it cannot be taken as it is. D asks for it anew, E writes it on today’s text, R turns it down.')
    if (!item.options || !decides(item)) return
    const choice = this.choiceOf(item)
    const { suggestion } = item.options[choice]!
    const others = rivals(item, choice)
    this.#decide([item], 'Accepted.', async () => {
      const decisions = [decisionOf(await this.#act(item, { type: 'accept', suggestion }))]
      for (const rival of others) {
        try {
          decisions.push(decisionOf(await this.#act(item, { type: 'reject', ...rival })))
        } catch (error) {
          if (!(error instanceof ApiError && error.code === 'decided')) throw error
        }
      }
      return () => this.#undo(item, decisions)
    })
  }

  reject(item: Item): void {
    if (heads(item)) return this.decideAll(item, 'reject')
    if (item.kind === 'run') return this.#dismiss(item)
    if (item.task && item.task.state !== 'waiting') return this.#dismissTask(item, 'Put away.')
    if (item.kind === 'waits' || item.kind === 'task') return toAnswer(item, 'reject')
    if (item.kind === 'audit') {
      const { suggestion } = item.options![0]!
      return this.#decide([item], 'Taken back out of the text.', async () => {
        await this.#act(item, { type: 'undo', decision: item.decision })
        // It would wait once more, for the same answer.
        const decision = decisionOf(await this.#act(item, { type: 'reject', suggestion }))
        return () => this.#undo(item, [decision])
      })
    }
    if (!item.options) return
    const suggestions = item.options.map(({ suggestion }) => suggestion)
    if (!decides(item)) {
      const own = item.options[this.choiceOf(item)]!
      return this.#decide([item], 'Withdrawn.', () => this.#act(item, { type: 'withdraw', suggestion: own.suggestion }).then((outcome) => () => this.#undo(item, [decisionOf(outcome)])))
    }
    const action = suggestions.length > 1 ? { type: 'reject_all', suggestions } : { type: 'reject', suggestion: suggestions[0] }
    this.#decide([item], 'Rejected.', () => this.#act(item, action).then((outcome) => () => this.#undo(item, [decisionOf(outcome)])))
  }

  /** What is marked, or the one that is read: one decision for each canvas. */
  decide(verb: 'accept' | 'reject'): void {
    const marked = this.shown.filter((item) => this.marked.has(keyOf(item)))
    if (!marked.length) {
      if (this.item) this[verb](this.item)
      return
    }
    this.unmark()
    const many = marked.filter((item) => item.options && item.kind !== 'audit' && decides(item) && (verb === 'reject' || item.kind === 'suggestion'))
    for (const item of marked) if (!many.includes(item)) this[verb](item)
    for (const { items } of byCanvas(many)) {
      const one = items[0]!
      const suggestions = items.flatMap((item) => (verb === 'reject' ? item.options! : [item.options![this.choiceOf(item)]!]).map(({ suggestion }) => suggestion))
      const says = `${items.length} ${verb === 'accept' ? 'accepted' : 'rejected'}.`
      this.#decide(items, says, async () => {
        const outcome = await this.#act(one, { type: `${verb}_all`, suggestions })
        return () => this.#undo(one, [decisionOf(outcome)])
      })
    }
  }

  /** Decides the changes that a task made as one, or those of them that are given. */
  decideAll(head: Item, verb: 'accept' | 'reject', items: Item[] = this.decidable(head, verb)): void {
    if (!items.length) return this.remarks(head).length && verb === 'accept' ? this.resolveAll(head) : this.unfold(head, true)
    const suggestions = items.flatMap((item) => (verb === 'reject' ? item.options! : [item.options![0]!]).map(({ suggestion }) => suggestion))
    this.#decide(this.#withHead(head, items), `${items.length} ${verb === 'accept' ? 'accepted' : 'rejected'}.`, async () => {
      const outcome = await this.#act(head, { type: `${verb}_all`, suggestions })
      return () => this.#undo(head, [decisionOf(outcome)])
    }, items.length)
  }

  /** Resolves the comments that a task left. */
  resolveAll(head: Item): void {
    const items = this.remarks(head)
    this.#decide(this.#withHead(head, items), `${items.length} resolved.`, async () => {
      for (const item of items) await this.#act(item, { type: 'resolve', thread: item.thread!.id })
      return async () => {
        for (const item of items) await this.#act(item, { type: 'resolve', thread: item.thread!.id, reopen: true })
      }
    }, items.length)
  }

  /** With the line of their task, when nothing is left below it. */
  #withHead(head: Item, items: Item[]): Item[] {
    const leaving = new Set(items.map(keyOf))
    const loaded = this.items.filter((item) => item.of === head.of && !heads(item)).length
    return this.below(head).every((item) => leaving.has(keyOf(item))) && (head.group?.left ?? 0) <= loaded ? [...items, head] : items
  }

  /** Has what is out of date of a task made anew on today's text. */
  async redoAll(head: Item): Promise<void> {
    const stale = this.below(head).filter((item) => item.kind === 'stale' && item.options?.[0]?.author.kind === 'agent' && !this.asked.has(markOf(item)))
    for (const item of stale) await this.redo(item, true)
    if (stale.length) this.#toast(`Asked again for ${stale.length}. What comes of it on today’s text will be here.`)
  }

  /** Takes what overlaps together. Answers with the texts when their words cannot be merged. */
  async merge(item: Item, replace?: string): Promise<Clash | null> {
    let clash: Clash | null = null
    this.#decide([item], 'Merged.', async () => {
      try {
        const outcome = await this.#act(item, { type: 'merge', takes: takes(item), ...(replace === undefined ? {} : { replace }) })
        return () => this.#undo(item, [decisionOf(outcome)])
      } catch (error) {
        if (error instanceof ApiError && Array.isArray(error.details['texts'])) clash = error.details as unknown as Clash
        throw error
      }
    })
    await this.steps.at(-1)?.done
    return clash
  }

  /** Takes a change as the reader has put it. Where its text has changed it is put on today's text. */
  amend(item: Item, choice: number, texts: ReadonlyMap<number, string>, mine: string): void {
    const option = item.options?.[choice]
    if (!option) return
    const hunks = option.hunks.filter(({ hunk }) => texts.has(hunk))
    const { suggestion } = option
    if (!option.stale) {
      return this.#decide([item], 'Amended and accepted.', async () => {
        await this.#act(item, { type: 'amend', suggestion, hunks: hunks.map(({ hunk }) => ({ hunk, replace: texts.get(hunk) })) })
        const decisions = [decisionOf(await this.#act(item, { type: 'accept', suggestion }))]
        for (const rival of rivals(item, choice)) decisions.push(decisionOf(await this.#act(item, { type: 'reject', ...rival })))
        return () => this.#undo(item, decisions)
      })
    }
    const today = hunks.map(({ hunk, today, start, end }) => ({ find: today ?? '', replace: texts.get(hunk), start, end, hunk }))
    if (option.author.id === mine) {
      return this.#decide([item], decides(item) ? 'Amended and accepted.' : 'Amended: it waits for somebody to decide.', async () => {
        await this.#act(item, { type: 'amend', suggestion, hunks: today })
        if (!decides(item)) return undefined
        const outcome = await this.#act(item, { type: 'accept', suggestion })
        return () => this.#undo(item, [decisionOf(outcome)])
      })
    }
    this.#decide([item], 'Put on today’s text and accepted.', async () => {
      const fresh = { type: 'suggest', page: item.page, reason: option.reason, replaces: suggestion, hunks: today.map(({ hunk: _hunk, ...place }) => place) }
      const { id } = await this.#act(item, fresh)
      const outcome = await this.#act(item, { type: 'accept', suggestion: id })
      return () => this.#undo(item, [decisionOf(outcome)])
    })
  }

  /** Asks the agent to do it anew on today's text. The item stays until there is something in its place. */
  async redo(item: Item, quietly = false): Promise<void> {
    const option = item.options?.[this.choiceOf(item)]
    if (!option) return
    if (option.author.kind !== 'agent') return announce('A person made this suggestion. E puts it on today’s text.')
    const mark = markOf(item)
    this.asked = new Set([...this.asked, mark])
    if (!quietly) this.go(1)
    try {
      await api.redo(item.canvas.id, option.suggestion)
      if (!quietly) this.#toast('Asked again. What comes of it on today’s text will be here.')
    } catch (error) {
      this.asked = new Set([...this.asked].filter((other) => other !== mark))
      this.#refuse(item, error)
    }
  }

  async reply(item: Item, text: string): Promise<boolean> {
    const { thread, message } = item
    const sent = thread
      ? () => this.#act(item, { type: 'reply', thread: thread.id, text })
      : () => api.ask(item.canvas.id, { agent: message?.author.id ?? 'co-author', prompt: text, say: true })
    this.#decide([item], 'Answered.', () => sent().then(() => undefined))
    return (await this.steps.at(-1)?.done) ?? false
  }

  #resolve(item: Item): void {
    const thread = item.thread!.id
    this.#decide([item], 'Resolved.', async () => {
      await this.#act(item, { type: 'resolve', thread })
      return () => this.#act(item, { type: 'resolve', thread, reopen: true })
    })
  }

  #retry(item: Item): void {
    this.#decide([item], 'Asked again.', () => api.again(item.run!.id).then(() => undefined))
  }

  #dismiss(item: Item): void {
    this.#decide([item], 'Put away.', async () => {
      await api.dismiss(item.run!.id, true)
      return () => api.dismiss(item.run!.id, false)
    })
  }

  /** Tries the step again that a task could not get over. */
  #retryTask(item: Item): void {
    const { id } = item.task!
    this.#decide([item], 'It tries again.', async () => {
      const failed = (await taskApi.one(id)).plan.find(({ state }) => state === 'failed')
      if (!failed) throw new ApiError('gone', 'It has gone on already.', 'Open it to see where it is.')
      await taskApi.retry(id, failed.id)
      return undefined
    })
  }

  #dismissTask(item: Item, says: string): void {
    const { id } = item.task!
    this.#decide([item], says, async () => {
      await taskApi.dismiss(id, true)
      return () => taskApi.dismiss(id, false)
    })
  }

  // -- what all decisions have in common

  #decide(given: Item[], says: string, work: () => Promise<(() => Promise<unknown>) | undefined>, many = given.length): void {
    const head = given.some(heads) ? undefined : this.items.find((item) => heads(item) && item.of !== undefined && item.of === given[0]?.of)
    const items = head ? this.#withHead(head, given) : given
    const done = items.find((item) => heads(item) && !names(item))
    if (done) work = this.#seen(done, work)
    this.#advance(items)
    this.#hide(items, Infinity)
    const cleared = new Map(this.refused)
    for (const item of items) cleared.delete(keyOf(item))
    this.refused = cleared
    const step: Step = { says, items, done: Promise.resolve(false) }
    step.done = this.#afterwards(items, async (meant) => {
      try {
        const back = await work()
        if (back) step.back = back
        this.decided += many
        if (meant()) this.#hide(items, Date.now() + ECHO)
        return true
      } catch (error) {
        this.steps = this.steps.filter((other) => other !== step)
        if (meant()) this.#unhide(items)
        for (const item of items) this.#refuse(item, error)
        this.soon()
        return false
      }
    })
    this.#step(step)
  }

  /** With the last of what a task made its line is put away, too: it says nothing that was not seen. */
  #seen(head: Item, work: () => Promise<(() => Promise<unknown>) | undefined>): () => Promise<(() => Promise<unknown>) | undefined> {
    const { id } = head.task!
    return async () => {
      const back = await work()
      await taskApi.dismiss(id, true).catch(() => undefined)
      return back && (() => Promise.all([back(), taskApi.dismiss(id, false)]))
    }
  }

  #step(step: Step): void {
    this.steps = [...this.steps, step].slice(-100)
    this.#toast(step.says, () => void this.undo())
  }

  #toast(text: string, undo?: () => void): void {
    this.#drop?.()
    this.#drop = toast(text, undo ? { action: { label: 'Undo', run: undo } } : {})
  }

  /** Takes the last decision back, and shows the item again at once. */
  async undo(): Promise<void> {
    const step = this.steps.at(-1)
    if (!step) return announce('There is nothing to undo.')
    this.steps = this.steps.slice(0, -1)
    this.#drop?.()
    this.#unhide(step.items)
    const first = step.items[0]
    if (first) this.current = keyOf(first)
    await this.#afterwards(step.items, (meant) => this.#takeBack(step, meant))
  }

  /** `meant` says whether nothing has been decided about the items since it was asked for. */
  async #takeBack(step: Step, meant: () => boolean): Promise<void> {
    if (!(await step.done)) return
    if (!step.back) {
      if (meant()) this.#hide(step.items, Date.now() + ECHO)
      this.#toast('That cannot be taken back.')
      return
    }
    if (meant()) {
      for (const item of step.items) this.#returning.set(keyOf(item), { item, until: Infinity })
      this.#unhide(step.items)
    }
    try {
      await step.back()
      this.decided = Math.max(0, this.decided - step.items.length)
      announce('Undone.')
    } catch (error) {
      fail(error)
    }
    if (meant()) for (const item of step.items) this.#returning.set(keyOf(item), { item, until: Date.now() + ECHO })
    this.soon()
  }

  /**
   * Does something about items after whatever is under way for them: whoever decides, takes it back and decides again
   * within a moment means it in that order.
   */
  #afterwards<T>(items: readonly Item[], work: (meant: () => boolean) => Promise<T>): Promise<T> {
    const keys = items.map(keyOf)
    const before = keys.flatMap((key) => this.#latest.get(key)?.done ?? [])
    const mine: { done?: Promise<unknown> } = {}
    const meant = () => keys.every((key) => (this.#latest.get(key) ?? mine) === mine)
    for (const key of keys) this.#latest.set(key, mine)
    const done = before.length ? Promise.allSettled(before).then(() => work(meant)) : work(meant)
    mine.done = done
    const forget = () => {
      for (const key of keys) if (this.#latest.get(key) === mine) this.#latest.delete(key)
    }
    done.then(forget, forget)
    return done
  }

  /** The newest thing that the studio says of an item counts again from `until` on; 0: at once. */
  #hide(items: readonly Item[], until: number): void {
    const gone = new Map(this.#gone)
    for (const item of items) {
      if (until) gone.set(markOf(item), until)
      else gone.delete(markOf(item))
    }
    this.#gone = gone
  }

  #unhide(items: readonly Item[]): void {
    this.#hide(items, 0)
    const there = new Set(this.items.map(keyOf))
    const missing = items.filter((item) => !there.has(keyOf(item)))
    if (missing.length) this.items = [...this.items, ...missing].sort(inOrder)
  }

  #refuse(item: Item, error: unknown): void {
    const { message, hint } = error as { message?: string; hint?: string }
    this.refused = new Map([...this.refused, [keyOf(item), [message || 'It did not work.', hint].filter(Boolean).join(' ')]])
    this.#drop?.()
    fail(error)
  }

  #act(item: Item, action: ActionBody): Promise<Outcome> {
    return api.act(item.canvas.id, action, freshKey())
  }

  /** The decisions of one step, the last first. */
  async #undo(item: Item, decisions: readonly string[]): Promise<void> {
    for (const decision of decisions.toReversed()) if (decision) await this.#act(item, { type: 'undo', decision })
  }
}

const SKIPPED = 'studiolo:inbox-skipped'

function read(): Set<string> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(SKIPPED) ?? '[]')
    return new Set(Array.isArray(kept) ? kept.map(String) : [])
  } catch {
    return new Set()
  }
}

function write(skipped: ReadonlySet<string>): void {
  try {
    localStorage.setItem(SKIPPED, JSON.stringify([...skipped].slice(-500)))
  } catch {
    // Storage is off: it is put off for as long as the page is open.
  }
}

export const inbox = new Inbox()

/** What an agent may do is not allowed by a single letter: the key only goes to where it is said. */
function toAnswer(item: Item, verb: 'accept' | 'reject'): void {
  const card = document.querySelector<HTMLElement>(`[data-reading="${CSS.escape(item.id)}"] [data-card]`)
  const to = verb === 'reject' ? '.danger' : 'button, input'
  const field = card?.querySelector<HTMLElement>(to) ?? card?.querySelector<HTMLElement>('button, input')
  field?.focus()
  announce('Enter answers.')
}

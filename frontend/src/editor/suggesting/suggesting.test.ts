import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import type { ActionBody, Outcome } from '../../api'
import { ApiError } from '../../api'
import { readSuggestion } from '../../views'
import { locator } from '../anchors'
import { type Marks, baseSlice, sides, toBase, toView, unitsOf } from './marks'
import { Suggesting } from './mode'
import { Outbox } from './outbox.svelte'
import { splice } from './splice'
import { take } from './steps'

Range.prototype.getClientRects = () => [] as unknown as DOMRectList
const ends: (() => void)[] = []
afterEach(() => {
  ends.splice(0).forEach((end) => end())
  localStorage.clear()
  vi.useRealTimers()
})

/** The studio's side of one page: what actions do to the shared records, in the same document. */
class Desk {
  readonly doc = new Y.Doc()
  readonly text = this.doc.getText('page')
  readonly suggestions = this.doc.getMap<Y.Map<unknown>>('suggestions')
  readonly sent: ActionBody[] = []
  readonly answers = new Map<string, Outcome>()
  down = false
  #ids = 0

  constructor(words: string) {
    this.text.insert(0, words)
  }
  records = () => [...this.suggestions.entries()].map(([id, map]) => readSuggestion(id, map))
  open = () => this.records().filter(({ status }) => status === 'open')

  send = async (action: ActionBody, key: string): Promise<Outcome> => {
    await Promise.resolve()
    if (this.down) throw new ApiError('unreachable', 'The studio cannot be reached.')
    const known = this.answers.get(key)
    if (known) return known
    const answer = this.#apply(action)
    this.answers.set(key, answer)
    this.sent.push(action)
    return answer
  }
  #apply(action: ActionBody): Outcome {
    const [hunk] = (action['hunks'] ?? []) as { find: string; replace: string; start: unknown; end?: unknown; before: string; after: string }[]
    if (action.type === 'suggest') {
      const id = `s${++this.#ids}`
      const fields = { id, page: 'p', author: 'ada', name: 'Ada', author_kind: 'person', color: '#000', at: this.#ids, reason: '', skill: '', run: '', model: '', status: 'open' }
      const shared = new Y.Map<unknown>(Object.entries({ status: 'open', ...this.#anchor(hunk!), replace: new Y.Text(hunk!.replace) }))
      this.doc.transact(() => this.suggestions.set(id, new Y.Map(Object.entries({ ...fields, hunks: Y.Array.from([shared]) }))), 'studio')
      return { outcome: 'suggested', id }
    }
    const id = String(action['suggestion'])
    const record = this.records().find((one) => one.id === id)
    if (!record || record.hunks[0]!.status !== 'open') throw new ApiError('decided', 'It was decided.', '', 409)
    if (action.type === 'withdraw') this.decide(id, 'withdrawn')
    else {
      const shared = this.hunk(id)
      this.doc.transact(() => {
        for (const [name, value] of Object.entries(this.#anchor(hunk!))) shared.set(name, value)
        shared.set('replace', new Y.Text(hunk!.replace))
      }, 'studio')
    }
    return { outcome: 'done', id }
  }
  #anchor({ find, start, end, before, after }: { find: string; start: unknown; end?: unknown; before: string; after: string }) {
    return { quote: find, start: JSON.stringify(start), end: JSON.stringify(find ? end : start), before, after }
  }
  hunk(id: string): Y.Map<unknown> {
    return (this.suggestions.get(id)!.get('hunks') as Y.Array<Y.Map<unknown>>).get(0)
  }
  decide(id: string, status: string): void {
    this.doc.transact(() => {
      this.hunk(id).set('status', status)
      this.suggestions.get(id)!.set('status', status)
    }, 'studio')
  }
  accept(id: string): void {
    const shared = this.hunk(id)
    const locate = locator(this.text)
    const quote = String(shared.get('quote'))
    const at = quote ? locate(shared.get('start'))! : locate(shared.get('end'))!
    expect(this.text.toString().slice(at, at + quote.length)).toBe(quote)
    this.doc.transact(() => {
      this.text.delete(at, quote.length)
      this.text.insert(at, String(shared.get('replace')))
      shared.set('status', 'accepted')
      this.suggestions.get(id)!.set('status', 'accepted')
    }, 'studio')
  }
}

function write(desk: Desk, name = 'box') {
  const outbox = new Outbox(name, { send: desk.send, storage: localStorage, pause: 1 })
  const mode = new Suggesting({ text: desk.text, page: 'p', me: 'ada', records: desk.records, outbox })
  const view = new EditorView({ parent: document.body, state: EditorState.create({ doc: desk.text.toString(), extensions: [mode.fields, mode.extension, EditorState.lineSeparator.of('\n')] }) })
  mode.begin(view)
  const end = () => {
    mode.close()
    outbox.close()
    view.destroy()
  }
  ends.push(end)
  const type = (from: number, insert: string, to = from) => {
    view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length }, userEvent: 'input.type' })
  }
  const key = (way: 'backward' | 'forward', count = 1) => {
    for (let i = 0; i < count; i++) {
      const { head } = view.state.selection.main
      const size = (at: number) => ([...view.state.sliceDoc(at - 2, at)].at(-1)?.length ?? 1)
      const [from, to] = way === 'backward' ? [head - size(head), head] : [head, head + (view.state.sliceDoc(head, head + 2).codePointAt(0)! > 0xffff ? 2 : 1)]
      if (from >= 0 && to <= view.state.doc.length) view.dispatch({ changes: { from, to }, selection: { anchor: from }, userEvent: `delete.${way}` })
    }
  }
  const marks = () => view.state.field(splice)!.marks
  return {
    outbox, mode, view, end, type, key, marks,
    caret: (at: number) => view.dispatch({ selection: { anchor: at } }),
    text: () => view.state.doc.toString(),
    units: () => [...unitsOf(marks()).values()].map((unit) => sides(view.state.doc, unit)),
    settle: async () => {
      mode.flush(true)
      for (let i = 0; i < 60 && outbox.waiting; i++) await new Promise((done) => setTimeout(done, 5))
      await new Promise((done) => setTimeout(done, 5))
    },
  }
}

const KEY = /\[(-|\+)|\]/
/** The screen with its marks: [-gone] and [+new]. */
function read(doc: string, marks: Marks): string {
  let out = ''
  let at = 0
  for (const { from, to, kind } of marks) {
    out += `${doc.slice(at, from)}[${kind === 'ins' ? '+' : '-'}${doc.slice(from, to)}]`
    at = to
  }
  expect(doc).not.toMatch(KEY)
  return out + doc.slice(at)
}

describe('typing in suggesting mode', () => {
  it('leaves the shared text alone and becomes one suggestion', async () => {
    const desk = new Desk('The sea was calm.')
    const w = write(desk)
    for (const [i, char] of [...' very'].entries()) w.type(11 + i, char)
    expect(read(w.text(), w.marks())).toBe('The sea was[+ very] calm.')
    expect(desk.text.toString()).toBe('The sea was calm.')
    await w.settle()
    expect(desk.open()).toHaveLength(1)
    expect(desk.open()[0]!.hunks[0]).toMatchObject({ quote: '', replace: ' very' })
  })
  it('strikes what is deleted and lets go what was only suggested', () => {
    const w = write(new Desk('The sea was calm.'))
    w.caret(7)
    w.key('backward', 3)
    expect(read(w.text(), w.marks())).toBe('The [-sea] was calm.')
    expect(w.view.state.selection.main.head).toBe(4)
    w.type(7, 'lake')
    expect(read(w.text(), w.marks())).toBe('The [-sea][+lake] was calm.')
    w.key('backward', 2)
    expect(read(w.text(), w.marks())).toBe('The [-sea][+la] was calm.')
    w.key('backward', 3)
    expect(read(w.text(), w.marks())).toBe('The[- sea] was calm.')
  })
  it('goes on behind what is struck when deleting forward', () => {
    const w = write(new Desk('abc def'))
    w.caret(0)
    w.key('forward', 2)
    expect(read(w.text(), w.marks())).toBe('[-ab]c def')
    w.caret(0)
    w.key('forward', 1)
    expect(read(w.text(), w.marks())).toBe('[-abc] def')
  })
  it('replaces a selection, with the caret behind the new words', () => {
    const w = write(new Desk('The sea was calm.'))
    w.type(4, 'X', 7)
    expect(read(w.text(), w.marks())).toBe('The [-sea][+X] was calm.')
    expect(w.view.state.selection.main.head).toBe(8)
  })
  it('is nothing again when what was deleted is typed again', async () => {
    const desk = new Desk('The sea was calm.')
    const w = write(desk)
    w.caret(7)
    w.key('backward', 3)
    await w.settle()
    expect(desk.open()).toHaveLength(1)
    for (const char of 'sea') w.type(w.view.state.selection.main.head, char)
    expect(read(w.text(), w.marks())).toBe('The sea was calm.')
    expect(w.view.state.selection.main.head).toBe(7)
    await w.settle()
    expect(desk.open()).toHaveLength(0)
  })
  it('makes one change of two that have come to touch', async () => {
    const desk = new Desk('one two three')
    const w = write(desk)
    w.type(0, 'A', 3)
    await w.settle()
    w.type(5, 'B', 8)
    expect(w.units()).toEqual([{ quote: 'one two', replace: 'A B' }])
    await w.settle()
    expect(desk.open().map(({ hunks }) => [hunks[0]!.quote, hunks[0]!.replace])).toEqual([['one two', 'A B']])
  })
  it('says whole words to whoever decides', async () => {
    const desk = new Desk('The cat sat.')
    const w = write(desk)
    w.type(7, 's')
    await w.settle()
    expect(desk.open()[0]!.hunks[0]).toMatchObject({ quote: 'cat', replace: 'cats' })
  })
  it('sends drafts while it grows and one last word', async () => {
    const desk = new Desk('')
    const w = write(desk)
    for (const [i, char] of [...'Once upon'].entries()) {
      w.type(i, char)
      w.mode.flush(false)
      await new Promise((done) => setTimeout(done, 3))
    }
    await w.settle()
    const kinds = desk.sent.map(({ type, draft }) => (draft ? `${type} draft` : type))
    expect(kinds[0]).toBe('suggest')
    expect(kinds.at(-1)).toBe('amend')
    expect(new Set(kinds.slice(1, -1))).toEqual(new Set(['amend draft']))
    expect(desk.open()[0]!.hunks[0]!.replace).toBe('Once upon')
  })
})

describe('what others do meanwhile', () => {
  it('is carried to where it stands on the screen', () => {
    const desk = new Desk('The sea was calm.')
    const w = write(desk)
    w.type(11, ' very')
    w.type(4, 'X', 7)
    desk.text.insert(0, '>> ')
    desk.text.delete(desk.text.toString().indexOf(' calm'), 5)
    expect(read(w.text(), w.marks())).toBe('>> The [-sea][+X] was[+ very].')
  })
  it('turns what was accepted into text under the caret', async () => {
    const desk = new Desk('The sea was calm.')
    const w = write(desk)
    w.type(4, 'lake', 7)
    await w.settle()
    expect(w.view.state.selection.main.head).toBe(11)
    desk.accept(desk.open()[0]!.id)
    expect(read(w.text(), w.marks())).toBe('The lake was calm.')
    expect(w.view.state.selection.main.head).toBe(8)
  })
  it('makes a new suggestion of what was typed after the acceptance', async () => {
    const desk = new Desk('Start. End.')
    const w = write(desk)
    w.type(6, ' Middle')
    await w.settle()
    w.type(13, ' and more')
    desk.accept(desk.open()[0]!.id)
    expect(read(w.text(), w.marks())).toBe('Start. Middle[+ and more] End.')
    await w.settle()
    expect(desk.open()).toHaveLength(1)
    expect(desk.open()[0]!.hunks[0]!.replace).toBe(' and more')
    desk.accept(desk.open()[0]!.id)
    expect(desk.text.toString()).toBe('Start. Middle and more End.')
    expect(w.text()).toBe('Start. Middle and more End.')
  })
  it('takes what was rejected off the screen', async () => {
    const desk = new Desk('The sea was calm.')
    const w = write(desk)
    w.type(4, 'lake', 7)
    await w.settle()
    desk.decide(desk.open()[0]!.id, 'rejected')
    expect(read(w.text(), w.marks())).toBe('The sea was calm.')
  })
  it('survives an acceptance that comes before the answer', async () => {
    const desk = new Desk('One. Two.')
    const w = write(desk)
    const { send } = desk
    let go = () => {}
    const held = new Promise<void>((done) => (go = done))
    w.outbox.doors.send = async (action, key) => {
      const answer = await send(action, key)
      await held
      return answer
    }
    w.type(4, ' New.')
    w.mode.flush(true)
    await vi.waitFor(() => expect(desk.open()).toHaveLength(1))
    desk.accept(desk.open()[0]!.id)
    go()
    await w.settle()
    await new Promise((done) => setTimeout(done, 10))
    expect(read(w.text(), w.marks())).toBe('One. New. Two.')
    expect(desk.text.toString()).toBe('One. New. Two.')
  })
  it('shows in another tab of the same person, and what is typed there', async () => {
    const desk = new Desk('One. Two.')
    const a = write(desk, 'a')
    const b = write(desk, 'b')
    a.type(4, ' New')
    await a.settle()
    expect(read(b.text(), b.marks())).toBe('One.[+ New] Two.')
    b.type(8, 'er')
    await b.settle()
    expect(read(a.text(), a.marks())).toBe('One.[+ Newer] Two.')
    expect(desk.open()).toHaveLength(1)
  })
})

describe('undo in the mode', () => {
  it('takes back typing, not what others wrote', () => {
    const desk = new Desk('The sea was calm.')
    const w = write(desk)
    w.type(4, 'lake', 7)
    desk.text.insert(0, 'Theirs. ')
    take(w.view, 'undo')
    expect(read(w.text(), w.marks())).toBe('Theirs. The sea was calm.')
    take(w.view, 'redo')
    expect(read(w.text(), w.marks())).toBe('Theirs. The [-sea][+lake] was calm.')
  })
  it('goes back and forth over deleting and typing, whatever the studio says meanwhile', async () => {
    const desk = new Desk('The sea was calm.')
    const w = write(desk)
    w.caret(7)
    w.key('backward', 3)
    for (const char of 'lake') w.type(w.view.state.selection.main.head, char)
    await w.settle()
    const whole = read(w.text(), w.marks())
    take(w.view, 'undo')
    expect(read(w.text(), w.marks())).toBe('The [-sea] was calm.')
    take(w.view, 'undo')
    expect(read(w.text(), w.marks())).toBe('The sea was calm.')
    await w.settle()
    take(w.view, 'redo')
    take(w.view, 'redo')
    expect(read(w.text(), w.marks())).toBe(whole)
  })
  it('leaves out what somebody has accepted', async () => {
    const desk = new Desk('One. Two.')
    const w = write(desk)
    w.type(0, 'First. ')
    await w.settle()
    w.caret(16)
    w.type(16, ' Last.')
    await w.settle()
    desk.accept(desk.open().at(-1)!.id)
    take(w.view, 'undo')
    expect(read(w.text(), w.marks())).toBe('One. Two. Last.')
  })
})

describe('nothing is lost', () => {
  it('when the line is dead and the page is opened again', async () => {
    const desk = new Desk('One. Two.')
    const first = write(desk)
    desk.down = true
    first.type(4, ' Kept.')
    first.end()
    desk.down = false
    const again = write(desk)
    expect(read(again.text(), again.marks())).toBe('One.[+ Kept.] Two.')
    await again.settle()
    expect(desk.open().map(({ hunks }) => hunks[0]!.replace)).toEqual([' Kept.'])
  })
  it('when the answer was lost: the request is repeated, not the suggestion', async () => {
    const desk = new Desk('One. Two.')
    const first = write(desk)
    const { send } = desk
    first.outbox.doors.send = async (action, key) => {
      await send(action, key)
      throw new ApiError('unreachable', 'The studio cannot be reached.')
    }
    first.type(4, ' Once.')
    first.mode.flush(true)
    await vi.waitFor(() => expect(desk.open()).toHaveLength(1))
    first.end()
    const again = write(desk)
    await again.settle()
    expect(desk.open()).toHaveLength(1)
    expect(read(again.text(), again.marks())).toBe('One.[+ Once.] Two.')
  })
})

// -- any order

function random(seed: number) {
  let state = seed * 2654435761 + 1
  return (below: number) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) >>> 0
    return state % below
  }
}

function check(desk: Desk, w: ReturnType<typeof write>) {
  const { base, marks } = w.view.state.field(splice)!
  const doc = w.view.state.doc
  expect(base.toString()).toBe(desk.text.toString())
  expect(baseSlice(marks, doc, 0, doc.length)).toBe(base.toString())
  let floor = 0
  for (const { from, to } of marks) {
    expect(from).toBeGreaterThanOrEqual(floor)
    expect(to).toBeGreaterThan(from)
    floor = to
  }
  expect(floor).toBeLessThanOrEqual(doc.length)
  // The units put into the shared text give what the person sees.
  let made = base.toString()
  const units = [...unitsOf(marks).values()].sort((a, b) => b.from - a.from)
  for (const unit of units) {
    const { quote, replace } = sides(doc, unit)
    const at = toBase(marks, unit.from)
    expect(made.slice(at, at + quote.length)).toBe(quote)
    made = made.slice(0, at) + replace + made.slice(at + quote.length)
  }
  let seen = ''
  let at = 0
  for (const { from, to, kind } of marks) {
    seen += doc.sliceString(at, kind === 'del' ? from : to)
    at = to
  }
  expect(made).toBe(seen + doc.sliceString(at))
  for (let pos = 0; pos <= base.length; pos++) for (const side of [-1, 1] as const) expect(toBase(marks, toView(marks, pos, side))).toBe(pos)
}

describe('any edits in any order', () => {
  it.each(Array.from({ length: 150 }, (_, i) => i + 1))('keep both texts in step (seed %i)', async (seed) => {
    const pick = random(seed)
    const desk = new Desk('The sea was calm. Nobody came,\nnot even the gulls.')
    const w = write(desk)
    const letters = ['a', 'b', ' ', 'c', 'd', '\n', 'é', '🌊']
    const some = () => letters[pick(letters.length)]!.repeat(1 + pick(3))
    for (let step = 0; step < 60; step++) {
      const length = w.view.state.doc.length
      // Nobody puts a caret into the middle of a sign.
      const whole = (text: string, pos: number) => (/[\udc00-\udfff]/.test(text[pos] ?? '') ? pos - 1 : pos)
      const at = whole(w.text(), pick(length + 1))
      const to = Math.max(at, whole(w.text(), Math.min(length, at + pick(6))))
      const kind = pick(12)
      if (kind < 3) w.type(at, some())
      else if (kind === 3) w.type(at, some(), to)
      else if (kind === 4) w.view.dispatch({ changes: { from: at, to }, selection: { anchor: at }, userEvent: 'delete.selection' })
      else if (kind === 5) {
        w.caret(at)
        w.key(pick(2) ? 'backward' : 'forward', 1 + pick(4))
      } else if (kind === 6) take(w.view, 'undo')
      else if (kind === 7) take(w.view, 'redo')
      else if (kind === 8) desk.text.insert(whole(desk.text.toString(), pick(desk.text.length + 1)), some())
      else if (kind === 9 && desk.text.length) {
        const words = desk.text.toString()
        const from = whole(words, pick(desk.text.length))
        desk.text.delete(from, whole(words, Math.min(words.length, from + 2 + pick(8))) - from)
      } else if (kind === 10) await w.settle()
      else {
        const [one] = desk.open()
        const hunk = one?.hunks[0]
        const located = hunk && locator(desk.text)(hunk.quote ? hunk.start : hunk.end)
        if (!one || !hunk || located === undefined) continue
        if (pick(2) || desk.text.toString().slice(located, located + hunk.quote.length) !== hunk.quote) desk.decide(one.id, 'rejected')
        else desk.accept(one.id)
      }
      check(desk, w)
    }
    await w.settle()
    check(desk, w)
    expect(desk.open().map(({ hunks }) => hunks[0]!.replace.length >= 0)).toHaveLength(w.units().filter(({ quote, replace }) => quote !== replace).length)
  })
})

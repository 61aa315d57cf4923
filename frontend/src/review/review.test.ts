import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { flushSync, mount, unmount } from 'svelte'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { ApiError } from '../api'
import { position } from '../editor/anchors'
import { shared } from '../editor/history'
import type { Hunk, Session, Suggestion, Thread } from '../session.svelte'
import Rail from './Rail.svelte'
import { Review } from './review.svelte'

const words = 'Mara came back in winter. The keeper had gone down to the sea. Nobody answered.'
// jsdom lays nothing out.
vi.stubGlobal('ResizeObserver', class { observe() {} unobserve() {} disconnect() {} })
Range.prototype.getClientRects = () => [] as unknown as DOMRectList

const ends: (() => void)[] = []
afterEach(() => ends.splice(0).forEach((end) => end()))

function desk({ canEdit = true, canComment = true, me = 'ada' } = {}) {
  const text = new Y.Doc().getText('page')
  text.insert(0, words)
  const act = vi.fn(async (_action: { type: string; [field: string]: unknown }): Promise<unknown> => ({ outcome: 'done' }))
  const session = { me: { id: me }, canEdit, canComment, act, stop: vi.fn(), threads: [] as Thread[] } as unknown as Session
  const review = new Review(session, 'p', text)
  const view = new EditorView({
    parent: document.body,
    state: EditorState.create({ doc: words, extensions: [shared(text), review.extension] }),
  })
  review.view = view
  review.viewHeight = 900
  const rail = mount(Rail, { target: view.scrollDOM, props: { review } })
  ends.push(() => {
    void unmount(rail)
    view.destroy()
  })
  const settle = async () => {
    await new Promise((done) => setTimeout(done, 40))
    flushSync()
  }
  const place = (quote: string) => {
    const at = words.indexOf(quote)
    return { quote, before: '', after: '', start: JSON.stringify(position(text, at, 0)), end: JSON.stringify(position(text, at + quote.length, -1)) }
  }
  return {
    review, view, act, text, settle, place,
    hunk: (quote: string, replace: string, index = 0): Hunk => ({ index, replace, status: 'open', ...place(quote) }),
    cards: () => [...view.dom.querySelectorAll<HTMLElement>('article')],
    async show(suggestions: Suggestion[], threads: Thread[] = []) {
      Object.assign(session, { threads })
      review.show(suggestions, threads)
      await settle()
    },
  }
}

const author = { author: 'muse', name: 'Muse', author_kind: 'agent', color: '#6b3fb5', at: 1 } as const
const suggestion = (id: string, hunks: Hunk[], more: Partial<Suggestion> = {}): Suggestion => ({
  ...author, id, page: 'p', reason: 'Because.', skill: '', run: 'run1', model: '', status: 'open', hunks, ...more,
})
const button = (card: HTMLElement | undefined, name: string) =>
  [...(card?.querySelectorAll('button') ?? [])].find((one) => (one.getAttribute('aria-label') ?? one.textContent ?? '').trim() === name)

describe('the margin', () => {
  it('has a card for every suggestion of the page, with its author, reason and change', async () => {
    const d = desk()
    await d.show([suggestion('a', [d.hunk('keeper', 'wife')]), suggestion('b', [d.hunk('winter', 'spring')], { page: 'other' })])
    expect(d.cards()).toHaveLength(1)
    const [card] = d.cards()
    expect(card?.getAttribute('aria-label')).toBe('Suggestion by Muse')
    expect(card?.querySelector('del')?.textContent).toBe('keeper')
    expect(card?.querySelector('ins')?.textContent).toBe('wife')
    expect(card?.textContent).toContain('Because.')
  })
  it('draws the change over the text and leaves the text alone', async () => {
    const d = desk()
    await d.show([suggestion('a', [d.hunk('The keeper had gone down', 'The wife had gone down')])])
    const content = d.view.contentDOM
    expect(content.querySelector('del')?.textContent).toBe('keeper')
    expect(content.querySelector('ins')?.textContent).toBe('wife')
    expect(d.text.toString()).toBe(words)
  })
  it('asks the studio once, however often the button is pressed', async () => {
    const d = desk()
    await d.show([suggestion('a', [d.hunk('keeper', 'wife')])])
    let answer: (value: unknown) => void = () => undefined
    d.act.mockImplementation(() => new Promise((done) => (answer = done)))
    button(d.cards()[0], 'Accept')?.click()
    button(d.cards()[0], 'Accept')?.click()
    flushSync()
    expect(d.act.mock.calls).toEqual([[{ type: 'accept', suggestion: 'a' }]])
    expect(button(d.cards()[0], 'Accept')?.disabled).toBe(true)
    answer({})
    await d.settle()
    expect(button(d.cards()[0], 'Accept')?.disabled).toBe(false)
  })
  it('decides hunk by hunk when there are several', async () => {
    const d = desk()
    await d.show([suggestion('a', [d.hunk('winter', 'spring'), d.hunk('Nobody', 'Somebody', 1)])])
    button(d.cards()[0], 'Reject change 2')?.click()
    await d.settle()
    expect(d.act).toHaveBeenCalledWith({ type: 'reject', suggestion: 'a', hunks: [1] })
  })
  it('shows old and new and accepts nothing once the text has changed', async () => {
    const d = desk()
    await d.show([suggestion('a', [d.hunk('keeper', 'wife')])])
    d.view.dispatch({ changes: { from: words.indexOf('eper'), insert: 'x' } })
    await d.settle()
    const [card] = d.cards()
    expect(card?.textContent).toContain('The text has changed since.')
    expect([...(card?.querySelectorAll('dd') ?? [])].map((one) => one.textContent)).toEqual(['keeper', 'kexeper', 'wife'])
    expect(button(card, 'Accept')).toBeUndefined()
    expect(button(card, 'Redo on today’s text')?.disabled).toBe(false)
    expect(button(card, 'Reject')?.disabled).toBe(false)
    expect(d.view.contentDOM.querySelector('.sg-stale')?.textContent).toBe('kexeper')
  })
  it('shows what is said about a suggestion on its card, and takes an answer there', async () => {
    const d = desk()
    const said: Thread = { ...author, ...d.place('keeper'), name: 'Critic', id: 't', page: 'p', status: 'open', about: 'a', comments: [{ ...author, name: 'Critic', id: 'c', text: 'Whose wife?' }] }
    await d.show([suggestion('a', [d.hunk('keeper', 'wife')])], [said])
    expect(d.cards()).toHaveLength(1)
    expect(button(d.cards()[0], '1 comment: Critic')).toBeDefined()
    button(d.cards()[0], '1 comment: Critic')?.click()
    await d.settle()
    expect(d.cards()[0]?.textContent).toContain('Whose wife?')
    button(d.cards()[0], 'Reply to Critic')?.click()
    await d.settle()
    const field = d.cards()[0]?.querySelector('textarea')
    field!.value = 'The keeper’s.'
    field!.dispatchEvent(new Event('input', { bubbles: true }))
    field!.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
    await d.settle()
    expect(d.act).toHaveBeenCalledWith({ type: 'reply', thread: 't', text: 'The keeper’s.' })
  })
  it('lets a running suggestion be stopped but not decided', async () => {
    const d = desk()
    await d.show([suggestion('a', [d.hunk('The keeper had gone down to the sea.', 'The wife had')], { status: 'streaming' })])
    const [card] = d.cards()
    expect(button(card, 'Accept')).toBeUndefined()
    button(card, 'Stop')?.click()
    expect(d.review.session.stop).toHaveBeenCalledWith('run1')
    expect(d.view.contentDOM.querySelector('ins .peer-name')?.textContent).toBe('Muse · writing')
    // What has not been reached yet is not struck.
    expect([...d.view.contentDOM.querySelectorAll('del')].map((one) => one.textContent)).toEqual(['keeper'])
  })
  it('offers a reader nothing to press', async () => {
    const d = desk({ canEdit: false, canComment: false })
    await d.show([suggestion('a', [d.hunk('keeper', 'wife')])])
    expect(button(d.cards()[0], 'Accept')).toBeUndefined()
  })
  it('lets whoever suggested withdraw it', async () => {
    const d = desk({ canEdit: false, me: 'muse' })
    await d.show([suggestion('a', [d.hunk('keeper', 'wife')])])
    button(d.cards()[0], 'Withdraw')?.click()
    await d.settle()
    expect(d.act).toHaveBeenCalledWith({ type: 'withdraw', suggestion: 'a' })
  })
  it('shows a comment and the fix that goes with it as one card', async () => {
    const d = desk()
    const thread: Thread = {
      ...author, id: 't', page: 'p', ...d.place('keeper'), status: 'open', suggestion: 'a', comments: [{ ...author, id: 'c', text: 'Who?' }],
    }
    await d.show([suggestion('a', [d.hunk('keeper', 'wife')])], [thread])
    expect(d.cards()).toHaveLength(1)
    expect(d.cards()[0]?.textContent).toContain('Who?')
    expect(button(d.cards()[0], 'Accept')).toBeDefined()
    button(d.cards()[0], 'Resolve')?.click()
    await d.settle()
    expect(d.act).toHaveBeenCalledWith({ type: 'resolve', thread: 't' })
  })
})

describe('the review by keyboard', () => {
  it('goes from place to place and accepts the one at the caret', async () => {
    const d = desk()
    await d.show([suggestion('b', [d.hunk('sea', 'lake')]), suggestion('a', [d.hunk('winter', 'spring')])])
    d.review.go(1)
    await d.settle()
    expect(d.view.state.selection.main.head).toBe(words.indexOf('winter'))
    expect(d.review.active).toBe('a')
    d.review.go(1)
    await d.settle()
    expect(d.review.active).toBe('b')
    await d.review.decideHere('accept')
    expect(d.act).toHaveBeenCalledWith({ type: 'accept', suggestion: 'b', hunks: [0] })
  })
  it('says so when the caret is nowhere', async () => {
    const d = desk()
    await d.show([suggestion('a', [d.hunk('winter', 'spring')])])
    await d.review.decideHere('accept')
    expect(d.act).not.toHaveBeenCalled()
    expect(d.view.dom.querySelector('.cm-announced')?.textContent).toContain('not in a suggestion')
  })
  it('accepts all of one author as one decision, and says what was left', async () => {
    const d = desk()
    await d.show([
      suggestion('a', [d.hunk('winter', 'spring'), d.hunk('keeper', 'wife', 1)]),
      suggestion('b', [d.hunk('sea', 'lake')], { author: 'other' }),
    ])
    d.view.dispatch({ changes: { from: words.indexOf('eper'), insert: 'x' } })
    await d.settle()
    await d.review.decideAll('accept', 'muse')
    expect(d.act.mock.calls).toEqual([[{ type: 'accept_all', suggestions: ['a'] }]])
  })
  it('goes back over decisions and typing in the order in which they were made', async () => {
    const d = desk()
    await d.show([suggestion('a', [d.hunk('winter', 'spring')]), suggestion('b', [d.hunk('keeper', 'wife')])])
    let made = 0
    d.act.mockImplementation(async ({ type }) => (type === 'undo' ? { outcome: 'undone' } : { outcome: 'done', decision: `d${++made}` }))
    const press = (key: string) => {
      d.view.contentDOM.dispatchEvent(new KeyboardEvent('keydown', { key, ctrlKey: true, bubbles: true, cancelable: true }))
      return new Promise((done) => setTimeout(done, 30))
    }
    const wait = () => new Promise((done) => setTimeout(done, 5))
    d.view.dispatch({ changes: { from: 0, insert: 'A' }, userEvent: 'input.type' })
    await wait()
    await d.review.decide('accept', 'a')
    await wait()
    d.view.dispatch({ changes: { from: 0, insert: 'B' }, userEvent: 'input.type' })
    await wait()
    await d.review.decide('reject', 'b')
    await press('z')
    expect(d.act.mock.calls.at(-1)).toEqual([{ type: 'undo', decision: 'd2' }])
    expect(d.text.toString().startsWith('BA')).toBe(true)
    await press('z')
    expect(d.text.toString().startsWith('AMara')).toBe(true)
    await press('z')
    expect(d.act.mock.calls.at(-1)).toEqual([{ type: 'undo', decision: 'd1' }])
    await press('z')
    expect(d.text.toString()).toBe(words)
    await press('y')
    expect(d.text.toString().startsWith('AMara')).toBe(true)
    await press('y')
    expect(d.act.mock.calls.at(-1)).toEqual([{ type: 'accept', suggestion: 'a' }])
  })
})

describe('alternatives', () => {
  const both = (d: ReturnType<typeof desk>) => [
    suggestion('a', [d.hunk('The keeper had gone', 'The wife had gone')], { at: 1 }),
    suggestion('b', [d.hunk('keeper had', 'keeper has')], { at: 2, author: 'ben', name: 'Ben', author_kind: 'person' }),
  ]
  it('are one card, of which the text shows the one that is looked at', async () => {
    const d = desk()
    await d.show(both(d))
    expect(d.cards().map((card) => card.getAttribute('aria-label'))).toEqual(['Alternatives'])
    const shown = () => [...d.view.contentDOM.querySelectorAll('.sg-ins')].map((one) => one.textContent)
    expect(shown()).toEqual(['wife'])
    d.cards()[0]!.querySelectorAll<HTMLElement>('[role=tab]')[1]!.click()
    await d.settle()
    expect(shown()).toEqual(['has'])
    expect(d.cards()[0]!.querySelector('[role=tab][aria-selected=true]')?.textContent).toContain('Ben')
  })
  it('are decided together, and taken back together', async () => {
    const d = desk()
    await d.show(both(d))
    d.act.mockImplementation(async ({ type }) => ({ outcome: type, decision: `of ${type}` }))
    button(d.cards()[0], 'Take A')?.click()
    await d.settle()
    expect(d.act.mock.calls.map(([action]) => [action.type, action['suggestion']])).toEqual([['accept', 'a'], ['reject', 'b']])
    d.review.decisions.undo()
    await d.settle()
    expect(d.act.mock.calls.slice(2).map(([action]) => action['decision'])).toEqual(['of reject', 'of accept'])
  })
  it('let a person write what none of them says when they cannot be put together', async () => {
    const d = desk()
    await d.show(both(d))
    d.act.mockImplementation(async (action) => {
      if (action['replace'] === undefined) throw new ApiError('conflict', 'Both want the same words.', '', 409, { texts: [{ text: 'x' }] })
      return { outcome: 'merged', decision: 'd' }
    })
    button(d.cards()[0], 'Both')?.click()
    await d.settle()
    const field = d.cards()[0]!.querySelector('textarea')!
    expect(field.value).toBe('The wife had gone')
    field.value = 'The wife has gone'
    field.dispatchEvent(new Event('input', { bubbles: true }))
    button(d.cards()[0], 'Put this there')?.click()
    await d.settle()
    const takes = [{ suggestion: 'a', hunk: 0 }, { suggestion: 'b', hunk: 0 }]
    expect(d.act.mock.calls.at(-1)).toEqual([{ type: 'merge', takes, replace: 'The wife has gone' }])
  })
  it('are none where one stands beside the other', async () => {
    const d = desk()
    await d.show([suggestion('a', [d.hunk('The keeper', 'A wife')]), suggestion('b', [d.hunk(' had gone', ' went')])])
    expect(d.cards()).toHaveLength(2)
  })
})

describe('amending', () => {
  it('changes the words, then accepts them', async () => {
    const d = desk()
    await d.show([suggestion('a', [d.hunk('keeper', 'wife')])])
    d.review.select('a')
    d.review.edit(d.review.hunks[0]!)
    await d.settle()
    const field = d.cards()[0]!.querySelector('textarea')!
    field.value = 'widow'
    field.dispatchEvent(new Event('input', { bubbles: true }))
    button(d.cards()[0], 'Accept as edited')?.click()
    await d.settle()
    expect(d.act.mock.calls).toEqual([
      [{ type: 'amend', suggestion: 'a', hunks: [{ hunk: 0, replace: 'widow' }] }],
      [{ type: 'accept', suggestion: 'a', hunks: [0] }],
    ])
  })
  it('leaves the first proposal to be read', async () => {
    const d = desk()
    await d.show([suggestion('a', [{ ...d.hunk('keeper', 'widow'), proposed: 'wife', amended_by: 'ben', amended_by_name: 'Ben' }])])
    expect(d.cards()[0]!.textContent).toContain('Edited by Ben.')
    expect(d.cards()[0]!.querySelector('details')?.textContent).toContain('wife')
  })
})

describe('a comment', () => {
  it('is sent with what it is about, as a quote and as places that hold', async () => {
    const d = desk()
    const from = words.indexOf('keeper')
    d.view.dispatch({ selection: { anchor: from, head: from + 6 } })
    d.review.comment()
    await d.settle()
    expect(d.cards()[0]?.getAttribute('aria-label')).toBe('New comment')
    d.view.dispatch({ changes: { from: 0, insert: 'And so ' } })
    expect(await d.review.sendComment('Who?')).toBe(true)
    const sent = d.act.mock.calls[0]?.[0]
    expect(sent).toMatchObject({ type: 'comment', page: 'p', quote: 'keeper', text: 'Who?', before: 'And so Mara came back in winter. The ' })
    expect(sent?.['start']).toHaveProperty('item')
    await d.settle()
    expect(d.cards()).toHaveLength(0)
  })
  it('keeps its words when the studio refuses', async () => {
    const d = desk()
    d.review.comment()
    await d.settle()
    d.act.mockRejectedValue(new Error('down'))
    expect(await d.review.sendComment('Who?')).toBe(false)
    expect(d.review.drafting).toBe(true)
  })
})

import { EditorSelection, EditorState } from '@codemirror/state'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { locator, position } from '../editor/anchors'
import type { Hunk, Suggestion, Thread } from '../session.svelte'
import { itemAt, itemFrom, itemsOf, type PlacedHunk, placements, setRecords } from './placement'

const words = 'Mara came back in winter. The keeper had gone down to the sea. Nobody answered.'

function world(text = words) {
  const doc = new Y.Doc()
  const shared = doc.getText('page')
  shared.insert(0, text)
  let looks = 0
  const locate = (json: unknown) => {
    looks++
    return locator(shared)(json)
  }
  let state = EditorState.create({ doc: text, extensions: [placements] })
  return {
    get state() {
      return state
    },
    get looks() {
      return looks
    },
    edit(from: number, to: number, insert: string) {
      shared.delete(from, to - from)
      shared.insert(from, insert)
      state = state.update({ changes: { from, to, insert } }).state
    },
    show(suggestions: Suggestion[], threads: Thread[] = []) {
      state = state.update({ effects: setRecords.of({ suggestions, threads, locate }) }).state
    },
    hunk(quote: string, replace: string, more: Partial<Hunk> = {}): Hunk {
      const at = shared.toString().indexOf(quote)
      return {
        index: 0, quote, replace, before: '', after: '', status: 'open',
        start: JSON.stringify(position(shared, at, 0)), end: JSON.stringify(position(shared, at + quote.length, -1)), ...more,
      }
    },
    after(lead: string, replace: string): Hunk {
      const at = shared.toString().indexOf(lead) + lead.length
      const here = JSON.stringify(position(shared, at, -1))
      return { index: 0, quote: '', replace, before: lead, after: shared.toString().slice(at, at + 20), status: 'open', start: here, end: here }
    },
  }
}

const suggestion = (id: string, hunks: Hunk[], more: Partial<Suggestion> = {}): Suggestion => ({
  id, page: 'p', author: 'muse', name: 'Muse', author_kind: 'agent', color: '#6b3fb5', at: 0, reason: '', skill: '', run: '', model: '', status: 'open', hunks, ...more,
})
const hunks = (state: EditorState) => itemsOf(state) as PlacedHunk[]
const quoted = (state: EditorState) => hunks(state).map((item) => state.sliceDoc(item.from, item.to))

describe('placements', () => {
  it('are drawn anew when what they change is another text, and not for a key beside them', () => {
    const w = world()
    w.show([suggestion('a', [w.after('Mara came back ', 'alone ')]), suggestion('b', [w.hunk('keeper', 'wife')])])
    const drawn = () => w.state.field(placements).drawn
    const before = drawn()
    w.edit('Mara '.length, 'Mara '.length, 'just ')
    w.edit('Mara just came ba'.length, 'Mara just came ba'.length, 'a') // within the words beside the insertion
    w.edit(w.state.doc.toString().indexOf(' keeper'), w.state.doc.toString().indexOf(' keeper'), ' old')
    expect(drawn()).toBe(before)
    const at = w.state.doc.toString().indexOf('keeper')
    w.edit(at + 1, at + 2, 'E')
    expect(drawn()).toBeGreaterThan(before)
  })

  it('are looked up once and then carried along with the edits', () => {
    const w = world()
    w.show([suggestion('a', [w.hunk('keeper', 'wife')])])
    const { looks } = w
    for (let i = 0; i < 20; i++) w.edit(0, 0, '🌊')
    expect(quoted(w.state)).toEqual(['keeper'])
    expect(hunks(w.state)[0]!.stale).toBe(false)
    expect(w.looks).toBe(looks)
  })
  it('go stale with their own words only, and recover when the words come back', () => {
    const w = world()
    w.show([suggestion('a', [w.hunk('keeper had', 'wife had')]), suggestion('b', [w.hunk('winter', 'spring')])])
    const at = w.state.doc.toString().indexOf('eper had')
    w.edit(at, at + 4, 'eping')
    expect(hunks(w.state).map((item) => [item.id, item.stale])).toEqual([['b', false], ['a', true]])
    w.edit(at, at + 5, 'eper')
    expect(hunks(w.state).map((item) => item.stale)).toEqual([false, false])
  })
  it('are stale when the studio says so, whatever the words are', () => {
    const w = world()
    w.show([suggestion('a', [w.hunk('winter', 'spring', { status: 'stale' })])])
    expect(hunks(w.state)[0]!.stale).toBe(true)
    w.edit(0, 0, 'x')
    expect(hunks(w.state)[0]!.stale).toBe(true)
  })
  it('follow a passage that was cut and pasted', () => {
    const w = world()
    const long = 'The keeper had gone down to the sea. Nobody answered.'
    w.show([suggestion('a', [w.hunk(long, 'Silence.')])])
    const at = w.state.doc.toString().indexOf(long)
    w.edit(at, at + long.length, '')
    expect(hunks(w.state)[0]!.stale).toBe(true)
    w.edit(0, 0, `${long} `)
    expect(quoted(w.state)).toEqual([long])
    expect(hunks(w.state)[0]!.stale).toBe(false)
  })
  it('keep what a person types at an insertion behind it', () => {
    const w = world()
    w.show([suggestion('a', [w.after('The keeper had gone down to the sea.', ' It was dark.')])])
    const { to } = hunks(w.state)[0]!
    w.edit(to, to, ' typed')
    expect(w.state.sliceDoc(0, hunks(w.state)[0]!.to)).toMatch(/the sea\.$/)
  })
  it('show a growing suggestion without looking its place up again', () => {
    const w = world()
    const hunk = w.hunk('The keeper had gone down to the sea.', '')
    w.show([suggestion('a', [hunk], { status: 'streaming' })])
    const { looks } = w
    w.show([suggestion('a', [{ ...hunk, replace: 'The wife had' }], { status: 'streaming' })])
    expect(w.looks).toBe(looks)
    expect(hunks(w.state)[0]!.edits).toEqual([{ from: 4, to: 10, insert: 'wife' }])
  })
  it('leave decided hunks out and keep what cannot be found at the top', () => {
    const w = world()
    const lost = { ...w.hunk('winter', 'spring'), start: '{"type":{"client":9,"clock":9}}', index: 1 }
    w.show([suggestion('a', [w.hunk('keeper', 'wife', { status: 'accepted' }), lost])])
    expect(hunks(w.state).map(({ hunk, from, stale }) => [hunk.index, from, stale])).toEqual([[1, 0, true]])
  })
  it('go when their record goes', () => {
    const w = world()
    w.show([suggestion('a', [w.hunk('keeper', 'wife')])])
    w.show([])
    expect(itemsOf(w.state)).toEqual([])
  })
})

describe('going through the review', () => {
  it('takes the places in order and goes round', () => {
    const w = world()
    w.show([suggestion('b', [w.hunk('sea', 'lake')]), suggestion('a', [w.hunk('winter', 'spring')])])
    const next = itemFrom(w.state, 0, 1)!
    expect(next.id).toBe('a')
    expect(itemFrom(w.state, next.from, 1)!.id).toBe('b')
    expect(itemFrom(w.state, w.state.doc.length, 1)!.id).toBe('a')
    expect(itemFrom(w.state, 0, -1)!.id).toBe('b')
  })
  it('means the innermost place around the caret', () => {
    const w = world()
    w.show([suggestion('wide', [w.hunk('The keeper had gone', 'x')]), suggestion('narrow', [w.hunk('keeper', 'wife')])])
    const at = EditorSelection.cursor(w.state.doc.toString().indexOf('eeper')).head
    expect(itemAt(w.state, at)!.id).toBe('narrow')
    expect(itemAt(w.state, 2)).toBeUndefined()
  })
})

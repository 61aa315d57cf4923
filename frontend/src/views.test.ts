import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { countLines, countWords, type Message, type Page, type Suggestion, watch } from './views'

function map(fields: Record<string, unknown>): Y.Map<unknown> {
  return new Y.Map(Object.entries(fields))
}
function canvas() {
  const doc = new Y.Doc()
  doc.getMap('meta').set('title', 'Lamp')
  const pages = doc.getMap('pages')
  pages.set('b', map({ title: 'Two', kind: 'prose', order: 2, text: new Y.Text('two') }))
  pages.set('a', map({ title: 'One', kind: 'prose', order: 1, text: new Y.Text('one') }))
  const seen = { pages: [] as Page[], suggestions: [] as Suggestion[], chat: [] as Message[], title: '', calls: {} as Record<string, number> }
  const stop = watch(doc, (name, value) => {
    Object.assign(seen, { [name]: value })
    seen.calls[name] = (seen.calls[name] ?? 0) + 1
  })
  return { doc, pages, seen, stop }
}
const suggestion = (replace: Y.Text) => {
  const hunks = new Y.Array<unknown>()
  hunks.push([map({ start: '{}', end: '{}', quote: 'one', before: '', after: '', replace, status: 'open' })])
  return map({ page: 'a', name: 'Co-author', author_kind: 'agent', at: 5, status: 'streaming', hunks })
}

describe('watch', () => {
  it('gives pages in order, and says when one is renamed, moved or removed', () => {
    const { pages, seen } = canvas()
    expect(seen.pages.map(({ id }) => id)).toEqual(['a', 'b'])
    ;(pages.get('a') as Y.Map<unknown>).set('order', 3)
    expect(seen.pages.map(({ id }) => id)).toEqual(['b', 'a'])
    ;(pages.get('a') as Y.Map<unknown>).set('removed', true)
    expect(seen.pages[1]).toMatchObject({ id: 'a', removed: true })
    pages.delete('b')
    expect(seen.pages.map(({ id }) => id)).toEqual(['a'])
  })
  it('is not woken by typing', () => {
    const { doc, pages, seen } = canvas()
    const before = { ...seen.calls }
    doc.transact(() => ((pages.get('a') as Y.Map<unknown>).get('text') as Y.Text).insert(0, 'x'))
    expect(seen.calls).toEqual(before)
  })
  it('shows a suggestion as it streams, and leaves the others alone', () => {
    const { doc, seen } = canvas()
    const replace = new Y.Text()
    doc.getMap('suggestions').set('s1', suggestion(replace))
    doc.getMap('suggestions').set('s2', suggestion(new Y.Text('still')))
    const still = seen.suggestions.find(({ id }) => id === 's2')
    replace.insert(0, 'won')
    expect(seen.suggestions.find(({ id }) => id === 's1')?.hunks[0]).toMatchObject({ index: 0, quote: 'one', replace: 'won', status: 'open' })
    expect(seen.suggestions.find(({ id }) => id === 's2')).toBe(still)
  })
  it('shows a message as it streams, with its quotes and ideas', () => {
    const { doc, seen } = canvas()
    const text = new Y.Text('Why')
    doc.getArray('chat').push([map({ id: 'm1', text, name: 'Co-author', author_kind: 'agent', at: 1, status: 'writing' })])
    doc.getArray('chat').push([map({ id: 'm2', text: new Y.Text('hm'), at: 2, ideas: '["a","b"]', quotes: 'not JSON' })])
    const second = seen.chat[1]
    text.insert(3, ' not')
    expect(seen.chat[0]).toMatchObject({ text: 'Why not', status: 'writing', author_kind: 'agent' })
    expect(seen.chat[1]).toBe(second)
    expect(second).toMatchObject({ ideas: ['a', 'b'], quotes: [] })
  })
  it('stops', () => {
    const { doc, seen, stop } = canvas()
    stop()
    doc.getMap('meta').set('title', 'Other')
    expect(seen.title).toBe('Lamp')
  })
})

describe('countWords', () => {
  it.each([
    ['', 0], ['Hello, world', 2], ['She said — and she’d said so', 6], ['co-author 3.14 e-mail', 3], ['**bold** _em_ # ---', 2], ['élan vital, naïve', 3], ['你好世界', 4], ['🙂 !', 0],
  ])('%j has %i', (text, words) => expect(countWords(text)).toBe(words))
})

describe('counting line by line', () => {
  it('gives what counting the whole gives, and counts known lines once', () => {
    const text = 'One two.\nThree, four five.\n\nOne two.\n中文 and'
    const first = countLines(text, new Map())
    expect(first.words).toBe(countWords(text))
    expect(countLines(`${text}\nsix`, first.lines).words).toBe(first.words + 1)
    expect(countLines('One two.', new Map([['One two.', 40]])).words).toBe(40)
  })
})

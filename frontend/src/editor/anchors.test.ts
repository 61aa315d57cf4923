import { Text } from '@codemirror/state'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { type Anchored, locator, place, position, surroundings } from './anchors'

function page(words: string) {
  const doc = new Y.Doc()
  const pages = doc.getMap<Y.Map<unknown>>('pages')
  const map = new Y.Map<unknown>()
  const text = new Y.Text(words)
  map.set('text', text)
  pages.set('p', map)
  return { doc, text, now: () => Text.of(text.toString().split('\n')) }
}

function anchor(text: Y.Text, quote: string): Anchored {
  const from = text.toString().indexOf(quote)
  const to = from + quote.length
  return {
    start: JSON.stringify(position(text, from, 0)), end: JSON.stringify(position(text, to, -1)), quote,
    ...surroundings(Text.of(text.toString().split('\n')), from, to),
  }
}

function insertion(text: Y.Text, after: string): Anchored {
  const at = text.toString().indexOf(after) + after.length
  const here = JSON.stringify(position(text, at, -1))
  return { start: here, end: here, quote: '', ...surroundings(Text.of(text.toString().split('\n')), at, at) }
}

describe('place', () => {
  it('holds while others type around it, in any script', () => {
    const { text, now } = page('Déjà vu 😀. Old Émile counted the steps.')
    const at = anchor(text, 'counted the steps')
    text.insert(0, '🌊🌊 ')
    text.insert(text.toString().indexOf('counted'), 'slowly ')
    text.insert(text.length - 1, ' and slept')
    const found = place(now(), locator(text), at)!
    expect(now().sliceString(found.from, found.to)).toBe('counted the steps')
    expect(found.stale).toBe(false)
  })
  it('is stale once its own words were touched', () => {
    const { text, now } = page('patient as breathing')
    const at = anchor(text, 'as breathing')
    text.insert(text.length - 3, 'x')
    expect(place(now(), locator(text), at)).toMatchObject({ stale: true })
  })
  it('finds a long passage again that was cut and pasted elsewhere', () => {
    const long = 'The keeper of the lamp had gone down to the sea that night.'
    const { text, now } = page(`${long} Snow.`)
    const at = anchor(text, long)
    text.delete(0, long.length)
    text.insert(text.length, ` ${long}`)
    const found = place(now(), locator(text), at)!
    expect(found.stale).toBe(false)
    expect(now().sliceString(found.from, found.to)).toBe(long)
  })
  it('does not guess that a short word elsewhere is the one that was meant', () => {
    const { text, now } = page('the sea, the lamp')
    const at = anchor(text, 'lamp')
    text.delete(text.toString().indexOf('lamp'), 4)
    text.insert(0, 'lamp ')
    expect(place(now(), locator(text), at)!.stale).toBe(true)
  })
  it('keeps an insertion behind the character it hangs on', () => {
    const { text, now } = page('He waited. She came.')
    const at = insertion(text, 'He waited.')
    text.insert(0, '😀 ')
    text.insert(text.toString().indexOf(' She'), ' Long.')
    const found = place(now(), locator(text), at)!
    expect(now().sliceString(0, found.to)).toBe('😀 He waited.')
    expect(found).toMatchObject({ stale: false })
  })
  it('calls an insertion stale whose paragraph is gone', () => {
    const { text, now } = page('He waited.\n\nShe came.')
    const at = insertion(text, 'waited.')
    text.delete(0, text.length)
    text.insert(0, 'Quite another story now')
    expect(place(now(), locator(text), at)).toMatchObject({ stale: true })
  })
  it('does not mistake a position in another page for one here', () => {
    const { doc, text, now } = page('here')
    const other = new Y.Text('there')
    const map = new Y.Map<unknown>()
    map.set('text', other)
    doc.getMap<Y.Map<unknown>>('pages').set('q', map)
    expect(place(now(), locator(text), anchor(other, 'there'))).toBeNull()
    expect(place(now(), locator(text), { ...anchor(text, 'here'), start: 'not json' })).toBeNull()
  })
})

it('surroundings never hold half a character', () => {
  const doc = Text.of([`${'😀'.repeat(40)}X${'😀'.repeat(40)}`])
  const { before, after } = surroundings(doc, 80, 81, 63)
  for (const side of [before, after]) expect(side).toMatch(/^(😀)+$/u)
})

import { describe, expect, it } from 'vitest'
import type { Quote } from '../views'
import { type Cited, type Known, withSources } from './citing'
import { spans } from './markdown'

const OIL: Quote = { page: 'p1', quote: 'carried the last of the oil', found: true }
const BELL: Quote = { attachment: 'f1', place: 'line 3', section: 0, quote: 'the bell rang twice', found: true }
const NEVER: Quote = { page: 'p1', quote: 'never in this book', found: false }
const COAST: Quote = { url: 'https://example.org/bells', quote: 'bells of the coast', found: false }
const KNOWN: Known = { quotes: [OIL, BELL, NEVER, COAST], files: [{ id: 'f1', name: 'ledger.md' }, { id: 'f2', name: 'a.md' }], pages: [{ id: 'p1', title: 'The lamp room' }, { id: 'p2', title: 'She' }] }
const led = (text: string): unknown[] => withSources(spans(text), KNOWN).flatMap((span: Cited) => (span.type === 'cited' ? [[span.text, 'quote' in span.source ? span.source.quote.quote : span.source.id]] : []))
const whole = (text: string): string => withSources(spans(text), KNOWN).map(({ text }) => text).join('')

describe('an answer', () => {
  it('leads from what it quotes to where that stands, and from nothing that nobody found', () => {
    const text = 'She “carried the last of the oil”, and “never in this book” slept.'
    expect(led(text)).toEqual([['carried the last of the oil', OIL.quote]])
    expect(whole(text)).toBe(text)
    expect(led('It says “bells of the coast”.')).toEqual([['bells of the coast', COAST.quote]])
  })
  it('leads from the name of a file to the passage quoted from it, with its place, or to the file', () => {
    expect(led('“the bell rang twice” (ledger.md, line 3)')).toEqual([['the bell rang twice', BELL.quote], ['ledger.md, line 3', BELL.quote]])
    expect(led('See ledger.md, page 14, and a.md; not data.md.')).toEqual([['ledger.md, page 14', 'f1'], ['a.md', 'f2']])
  })
  it('leads to a page that it names in brackets, and takes no word of a sentence for one', () => {
    expect(led('She sleeps (The lamp room). She wakes; The lamp room is dark.')).toEqual([['The lamp room', 'p1']])
    expect(led('“carried the last of the oil” (The lamp room)')).toEqual([['carried the last of the oil', OIL.quote], ['The lamp room', OIL.quote]])
  })
  it('is left alone where it is code, a link, or stressed', () => {
    expect(led('`ledger.md` and [ledger.md](https://example.org) and **ledger.md**')).toEqual([])
  })
})

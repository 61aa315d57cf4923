/** What an answer names as its sources, made into ways there: passages it quotes, files and pages that it calls by name. */
import type { Quote } from '../views'
import type { Span } from './markdown'

/** Where a part of an answer leads. */
export type Source = { to: 'quote'; quote: Quote } | { to: 'file'; id: string } | { to: 'page'; id: string }
export type Cited = Span | { type: 'cited'; text: string; source: Source }
export interface Known { quotes: readonly Quote[]; files: readonly { id: string; name: string }[]; pages: readonly { id: string; title: string }[] }

interface Hit { start: number; end: number; source: Source }
/** Where in a file it says that something stands: it is a part of the name of the place. */
const PLACE = /^,? (?:pages?|p\.|lines?|sections?|chapters?|rows?|sheet) [\w.–-]+/iu

/**
 * The spans of a text with its sources marked. A quotation leads to its passage; the name of a file or, in brackets, of
 * a page leads to the passage that was quoted from it last, or else to the whole. What nobody found leads nowhere.
 */
export function withSources(spans: readonly Span[], known: Known): Cited[] {
  let last: Quote | undefined
  return spans.flatMap((span): Cited[] => {
    if (span.type !== 'text') return [span]
    const out: Cited[] = []
    let at = 0
    for (const hit of hits(span.text, known)) {
      let { source } = hit
      if (source.to === 'quote') last = source.quote
      else if (last && ((source.to === 'file' && last.attachment === source.id) || (source.to === 'page' && last.page === source.id))) source = { to: 'quote', quote: last }
      if (hit.start > at) out.push({ type: 'text', text: span.text.slice(at, hit.start) })
      out.push({ type: 'cited', text: span.text.slice(hit.start, hit.end), source })
      at = hit.end
    }
    if (at < span.text.length) out.push({ type: 'text', text: span.text.slice(at) })
    return out
  })
}

/** In their order, none within another; of two that begin together the longer. */
function hits(text: string, { quotes, files, pages }: Known): Hit[] {
  const found: Hit[] = []
  const look = (words: string, source: Source, within?: (start: number, end: number) => number | null) => {
    for (let start = words ? text.indexOf(words) : -1; start >= 0; start = text.indexOf(words, start + words.length)) {
      const end = within ? within(start, start + words.length) : start + words.length
      if (end !== null) found.push({ start, end, source })
    }
  }
  for (const quote of quotes) if (quote.found || quote.url) look(quote.quote, { to: 'quote', quote })
  for (const { id, name } of files) {
    look(name, { to: 'file', id }, (start, end) => (isPart(text, start, end) ? null : end + (PLACE.exec(text.slice(end))?.[0].length ?? 0)))
  }
  for (const { id, title } of pages) look(title, { to: 'page', id }, (start, end) => (text[start - 1] === '(' && /[),;:]/.test(text[end] ?? '') ? end : null))
  found.sort((a, b) => a.start - b.start || b.end - a.end)
  return found.filter((hit, i) => found.slice(0, i).every((other) => other.end <= hit.start))
}

/** Whether it stands within a longer word: `a.md` in `data.md`. */
const isPart = (text: string, start: number, end: number): boolean => /[\p{L}\p{N}_/-]/u.test(text[start - 1] ?? '') || /[\p{L}\p{N}_]/u.test(text[end] ?? '')

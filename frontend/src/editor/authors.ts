/** Who wrote what, as the studio tells it, and how it is drawn: by colour and by pattern, so that neither is needed. */
import type { Kind } from '../api'

export type How = 'typed' | 'accepted' | 'pasted' | 'imported'

/** A run of a page's text in code points, where it came from, and how it came to stand here. */
export interface Run {
  start: number
  length: number
  /** "" where it is not known. */
  participant: string
  how: How
  suggestion?: string
  via?: 'moved' | 'copied' | 'restored'
}
export interface Author { id: string; name: string; kind: Kind; color: string }
export interface Authors { runs: Run[]; participants: Record<string, Author> }

export interface Share { participant: string; name?: string; how: How; characters: number; percent: number }
export interface Shares { page: Share[]; canvas: Share[]; participants: Record<string, Author> }

export interface Evidence { text?: string; page?: string; quote?: string; url?: string }
/** All that is known of one run. Times are seconds since the epoch. */
export interface Told extends Omit<Run, 'suggestion'> {
  text: string
  at?: number
  came?: { via: string; by: string; at: number }
  suggestion?: {
    id: string; author: string; at: number; status: string; was?: string; reason?: string; skill?: string; model?: string; evidence?: Evidence[]
    accepted?: { by: string; name: string; at: number; policy?: string }
    amended?: { by: string; name: string; proposed: string | null }
  }
  run?: { id: string; prompt: string; model?: string; skill?: string; by?: { id: string; name: string }; started?: number } | null
  told?: { kind?: Kind; suggestion?: Record<string, unknown> }
}
export interface Provenance { page: string; start: number; length: number; parts: Told[]; more: number; participants: Record<string, Author> }

/** How lines under the words of different authors differ. The seventh author begins anew, in another colour. */
export const LINES = 6

/** Gives each author a line of their own, once and for as long as the page is open. */
export class Lines {
  readonly #known = new Map<string, number>()

  of(author: string): number {
    let line = this.#known.get(author)
    if (line === undefined) this.#known.set(author, (line = this.#known.size % LINES))
    return line
  }
}

/** The classes by which a run is drawn: its author's line, and a ground that says how it came. */
export const look = (line: number, how: How, kind: Kind): string => `by by-${line} by-${how} by-${kind}`

/** Plain words that this person typed are left as they are: whatever else there is stands out from them. */
export const plain = (run: Pick<Run, 'participant' | 'how'>, me: string): boolean =>
  run.participant === '' || (run.participant === me && run.how === 'typed')

/** Offsets of the studio (code points) as offsets of the editor (UTF-16), in one walk through the text. */
export function inUtf16<T extends { start: number; length: number }>(text: string, list: readonly T[]): (T & { from: number; to: number })[] {
  let points = 0
  let units = 0
  const to = (point: number) => {
    while (points < point && units < text.length) {
      units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1
      points++
    }
    return units
  }
  return list.map((run) => ({ ...run, from: to(run.start), to: to(run.start + run.length) }))
}

/**
 * The runs as they are drawn: a blank or a sign between two words of one author looks like theirs, though word by word
 * it stayed somebody else's. What is told of a place is never smoothed.
 */
export function smooth<T extends { from: number; to: number; participant: string; how: How }>(text: string, list: readonly T[]): T[] {
  const drawn: T[] = []
  list.forEach((run, index) => {
    const last = drawn.at(-1)
    const next = list[index + 1]
    const same = (other: T | undefined) => other !== undefined && last !== undefined && other.participant === last.participant && other.how === last.how
    const slight = run.to - run.from <= 3 && !/[\p{L}\p{N}]/u.test(text.slice(run.from, run.to)) && !text.slice(run.from, run.to).includes('\n')
    if (last && (same(run) || (slight && same(next)))) drawn[drawn.length - 1] = { ...last, to: run.to }
    else drawn.push(run)
  })
  return drawn
}

/** The parts of an answer, those of one author and one change taken together; blanks alone say nothing. */
export function gathered(parts: readonly Told[]): (Told & { snippets: string[] })[] {
  const groups = new Map<string, Told & { snippets: string[] }>()
  for (const part of parts) {
    if (parts.length > 1 && !part.text.trim()) continue
    const key = [part.participant, part.how, part.suggestion?.id ?? '', part.came ? `${part.came.via} ${part.came.by} ${Math.round(part.came.at / 60)}` : ''].join(' ')
    const group = groups.get(key)
    if (group) group.snippets.push(part.text.trim())
    else groups.set(key, { ...part, snippets: [part.text.trim()] })
  }
  return [...groups.values()]
}

/** An offset of the editor as the studio counts. */
export function inPoints(text: string): number {
  let points = text.length
  for (let at = 0; at < text.length; at++) if ((text.charCodeAt(at) & 0xfc00) === 0xdc00 && at > 0 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800) points--
  return points
}

/** Everybody's share of what the runs cover, the largest first. */
export function sharesOf(runs: readonly Run[]): Share[] {
  const counted = new Map<string, Share>()
  let total = 0
  for (const { participant, how, length } of runs) {
    const key = `${participant} ${how}`
    const share = counted.get(key) ?? { participant, how, characters: 0, percent: 0 }
    share.characters += length
    total += length
    counted.set(key, share)
  }
  const shares = [...counted.values()].sort((a, b) => b.characters - a.characters)
  for (const share of shares) share.percent = (100 * share.characters) / total
  return shares
}

export const percent = (share: number): string => (share >= 99.5 && share < 100 ? '99 %' : share < 1 ? 'under 1 %' : `${Math.round(share)} %`)

const WAYS: Record<How, Record<Kind, string>> = {
  typed: { person: 'typed', agent: 'wrote' },
  accepted: { person: 'suggested', agent: 'suggested' },
  pasted: { person: 'pasted', agent: 'pasted' },
  imported: { person: 'imported', agent: 'imported' },
}

/** In a few words: `You`, `Muse, accepted`, `pasted by Ben`. */
export function label(author: Author | undefined, how: How, me: string): string {
  const name = !author ? 'Not known' : author.id === me ? 'You' : author.name
  if (!author || how === 'typed') return name
  return how === 'accepted' ? `${name}, accepted` : `${how === 'pasted' ? 'Pasted' : 'Imported'} by ${author.id === me ? 'you' : name}`
}

/** As the beginning of a sentence about the passage: `Muse suggested this`. */
export function sentence(author: Author | undefined, how: How, me: string): string {
  if (!author) return 'It is not known who wrote this'
  return `${author.id === me ? 'You' : author.name} ${WAYS[how][author.kind]} this`
}

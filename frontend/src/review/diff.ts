/**
 * The smallest readable change between two texts, by words: what a long hunk leaves alone must not be struck out.
 * The server cuts rewrites by the same rule (`canvas/diff.py`), so a hunk it made is not cut up again here.
 */

/** Replace `from..to` of the old text (UTF-16 offsets) by `insert`. */
export interface Edit { from: number; to: number; insert: string }

/** Changes with at most so many unchanged words between them are read as one. */
const NEAR = 2
/** More cells than this are not aligned: the middle counts as replaced. 16 million take about 0.1 s, once. */
const CELLS = 4_000_000
const GROWING_CELLS = 250_000

// A word with its inner apostrophes, one CJK character, one line break, one run of blanks, or one other sign with the
// combining marks, joiners and selectors that belong to it.
const CJK = '\\u3040-\\u30ff\\u3400-\\u9fff\\uac00-\\ud7af\\uf900-\\ufaff'
const TOKENS = new RegExp(
  `[${CJK}]|(?:(?![${CJK}])[\\p{L}\\p{N}\\p{M}_])+(?:['’][\\p{L}\\p{N}]+)*|\\n|[^\\S\\n]+|` +
    '\\p{RI}\\p{RI}|[^\\s](?:[\\p{M}\\ufe0e\\ufe0f\\u{1f3fb}-\\u{1f3ff}]|\\u200d[^\\s])*',
  'gu',
)
const WORD = /[\p{L}\p{N}_]/u

export function tokens(text: string): string[] {
  return text.match(TOKENS) ?? []
}

/** What turns `before` into `after`, ascending and disjoint. */
export function wordEdits(before: string, after: string): Edit[] {
  return align(before, after, false)
}

/**
 * The same for a text that is still being written: `sofar` is matched against the best beginning of `before`, and the
 * rest of `before` is left alone, because nothing has been said about it yet.
 */
export function growingEdits(before: string, sofar: string): Edit[] {
  return align(before, sofar, true)
}

function align(before: string, after: string, growing: boolean): Edit[] {
  if (before === after || (growing && !after)) return []
  const a = tokens(before)
  const b = tokens(after)
  let low = 0
  while (low < a.length && low < b.length && a[low] === b[low]) low++
  let high = 0
  if (!growing) while (high < a.length - low && high < b.length - low && a[a.length - 1 - high] === b[b.length - 1 - high]) high++
  const oldMiddle = a.slice(low, a.length - high)
  const newMiddle = b.slice(low, b.length - high)
  const start = length(a.slice(0, low))
  const raw =
    oldMiddle.length && newMiddle.length && (oldMiddle.length + 1) * (newMiddle.length + 1) <= (growing ? GROWING_CELLS : CELLS)
      ? trace(oldMiddle, newMiddle, growing)
      : [{ from: 0, to: growing ? 0 : length(oldMiddle), insert: newMiddle.join('') }]
  return join(raw.map((edit) => ({ ...edit, from: edit.from + start, to: edit.to + start })), before)
}

const length = (list: readonly string[]) => list.reduce((sum, token) => sum + token.length, 0)

/** What it costs to lose or gain a token: agreeing on words is worth more than agreeing on the blanks between them. */
const weight = (token: string) => (WORD.test(token) ? 4 + Math.min(token.length, 8) : token === '\n' ? 4 : 1)

/** Alignment of least cost; when growing, against whichever beginning of `a` is cheapest. */
function trace(a: readonly string[], b: readonly string[], growing: boolean): Edit[] {
  const width = b.length + 1
  const cost = new Uint32Array((a.length + 1) * width)
  const lose = a.map(weight)
  // Skipping a stretch of the old text is likelier than saying it anew further on.
  const gain = b.map((token) => (growing ? 2 : 1) * weight(token))
  const last = b.length - 1
  // The last word may be half written: it agrees with any word that begins so.
  const agree = (i: number, j: number) => a[i] === b[j] || (growing && j === last && WORD.test(b[j]!) && a[i]!.startsWith(b[j]!))
  for (let j = 1; j < width; j++) cost[j] = cost[j - 1]! + gain[j - 1]!
  for (let i = 1; i <= a.length; i++) {
    const row = i * width
    cost[row] = cost[row - width]! + lose[i - 1]!
    for (let j = 1; j < width; j++) {
      const without = Math.min(cost[row - width + j]! + lose[i - 1]!, cost[row + j - 1]! + gain[j - 1]!)
      cost[row + j] = agree(i - 1, j - 1) ? Math.min(without, cost[row - width + j - 1]!) : without
    }
  }
  let i = a.length
  if (growing) for (let k = a.length - 1; k >= 0; k--) if (cost[k * width + width - 1]! <= cost[i * width + width - 1]!) i = k
  const starts = [0]
  for (const token of a) starts.push(starts[starts.length - 1]! + token.length)
  const edits: Edit[] = []
  let j = b.length
  const change = (from: number, to: number, insert: string) => {
    const next = edits[edits.length - 1]
    if (next && next.from === to) edits[edits.length - 1] = { from, to: next.to, insert: insert + next.insert }
    else edits.push({ from, to, insert })
  }
  while (i > 0 || j > 0) {
    const here = cost[i * width + j]!
    if (i > 0 && j > 0 && agree(i - 1, j - 1) && here === cost[(i - 1) * width + j - 1]!) {
      i--
      j--
    } else if (j > 0 && here === cost[i * width + j - 1]! + gain[j - 1]!) {
      j--
      change(starts[i]!, starts[i]!, b[j]!)
    } else {
      i--
      change(starts[i]!, starts[i + 1]!, '')
    }
  }
  return edits.reverse()
}

/** Reads near neighbours as one change: words picked out one by one cannot be read as a sentence. */
function join(edits: Edit[], before: string): Edit[] {
  const joined: Edit[] = []
  for (const edit of edits) {
    const last = joined[joined.length - 1]
    const between = last ? before.slice(last.to, edit.from) : ''
    if (last && near(between)) joined[joined.length - 1] = { from: last.from, to: edit.to, insert: last.insert + between + edit.insert }
    else joined.push(edit)
  }
  return joined
}

function near(between: string): boolean {
  return !between.includes('\n') && tokens(between).filter((token) => WORD.test(token)).length <= NEAR
}

export interface Piece { kind: 'same' | 'del' | 'ins'; text: string }

/** The change as a card shows it: the old words struck, the new ones beside them, long unchanged stretches cut. */
export function pieces(before: string, edits: readonly Edit[], keep = 24): Piece[] {
  const out: Piece[] = []
  let at = 0
  const same = (text: string, first: boolean, final: boolean) => {
    const head = first ? 0 : keep
    const tail = final ? 0 : keep
    if (text.length <= head + tail + 8) return text
    return `${cutEnd(text.slice(0, head))}…${cutStart(text.slice(text.length - tail))}`
  }
  edits.forEach((edit, index) => {
    const between = before.slice(at, edit.from)
    if (between) out.push({ kind: 'same', text: same(between, index === 0, false) })
    if (edit.to > edit.from) out.push({ kind: 'del', text: before.slice(edit.from, edit.to) })
    if (edit.insert) out.push({ kind: 'ins', text: edit.insert })
    at = edit.to
  })
  const rest = before.slice(at)
  if (rest) out.push({ kind: 'same', text: same(rest, edits.length === 0, true) })
  // A card needs no empty lines around what it shows.
  const [first] = out
  const last = out.at(-1)
  if (first?.text.trim()) first.text = first.text.replace(/^\s*\n/, '')
  if (last?.text.trim()) last.text = last.text.trimEnd()
  return out
}

const cutEnd = (text: string) => text.replace(/\s+\S*$/u, ' ')
const cutStart = (text: string) => text.replace(/^\S*\s+/u, ' ')

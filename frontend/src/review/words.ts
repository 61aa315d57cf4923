/** What is said about suggestions and decisions. */
import type { Text } from '@codemirror/state'
import type { Outcome } from '../api'
import { amount } from '../text/ago'
import type { Item } from './placement'

/** What was decided about many at once, and what was left. */
export function counted(verb: 'accept' | 'reject', outcome: Outcome | undefined): string {
  const list = (name: string) => (Array.isArray(outcome?.[name]) ? (outcome[name] as unknown[]).length : 0)
  const said = `${amount(list('suggestions'), 'suggestion')} ${verb === 'accept' ? 'accepted' : 'rejected'}.`
  const left = [
    list('stale') && `${list('stale')} left, because their text has changed`,
    list('overlapping') && `${list('overlapping')} left, because they want the same words`,
    list('decided') && `${list('decided')} decided before`,
    list('writing') && `${list('writing')} still being written`,
  ].filter(Boolean)
  return left.length ? `${said} ${left.join('; ')}.` : said
}

/** The text of a line on either side of a place. */
export function wordsAround(doc: Text, pos: number): string {
  const line = doc.lineAt(pos)
  const [low, high] = [Math.max(line.from, pos - 60), Math.min(line.to, pos + 60)]
  return `${low > line.from ? '…' : ''}${doc.sliceString(low, high)}${high < line.to ? '…' : ''}`.trim()
}

export const letter = (index: number): string => String.fromCharCode(65 + index)

export function describe(item: Item): string {
  const short = (text: string) => (text.length > 80 ? `${text.slice(0, 80)}…` : text)
  if (item.kind === 'thread') return `Comment by ${item.thread.name}: ${short(item.thread.comments[0]?.text ?? '')}`
  const { quote, replace } = item.hunk
  const change = !quote ? `insert “${short(replace)}”` : !replace ? `remove “${short(quote)}”` : `replace “${short(quote)}” by “${short(replace)}”`
  return `Suggestion by ${item.suggestion.name}: ${change}.${item.stale ? ' The text has changed since.' : ''}`
}

/** What is said about suggestions and decisions. */
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

export const letter = (index: number): string => String.fromCharCode(65 + index)

export function describe(item: Item): string {
  const short = (text: string) => (text.length > 80 ? `${text.slice(0, 80)}…` : text)
  if (item.kind === 'thread') return `Comment by ${item.thread.name}: ${short(item.thread.comments[0]?.text ?? '')}`
  const { quote, replace } = item.hunk
  const change = !quote ? `insert “${short(replace)}”` : !replace ? `remove “${short(quote)}”` : `replace “${short(quote)}” by “${short(replace)}”`
  return `Suggestion by ${item.suggestion.name}: ${change}.${item.stale ? ' The text has changed since.' : ''}`
}

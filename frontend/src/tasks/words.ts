/** Words for tasks: states, times and sums as a person says them. */
import type { StepState, TaskState } from './tasks'

export const STATES: Record<TaskState, string> = {
  queued: 'In line', running: 'At work', paused: 'Paused', waiting: 'Waits for an answer', done: 'Done', failed: 'Could not go on', cancelled: 'Stopped',
}
export const STEP_STATES: Record<StepState, string> = {
  coming: 'to come', running: 'under way', waiting: 'waits for an answer', done: 'done', failed: 'did not work', skipped: 'left out',
}

/** A kind by its id, where its file is not at hand: "deep-research" is Deep research. */
export const kindName = (id: string): string => id.charAt(0).toUpperCase() + id.slice(1).replaceAll('-', ' ')

/** Seconds of work: "40 seconds", "12 minutes", "2 hours", "2 hours 20 minutes". */
export function lasting(seconds: number): string {
  const of = (n: number, one: string) => `${n} ${one}${n === 1 ? '' : 's'}`
  if (seconds < 60) return of(Math.max(1, Math.round(seconds)), 'second')
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return of(minutes, 'minute')
  const hours = Math.floor(minutes / 60)
  const rest = minutes % 60
  if (hours >= 10 || !rest) return hours >= 48 ? of(Math.round(hours / 24), 'day') : of(hours, 'hour')
  return `${of(hours, 'hour')} ${of(rest, 'minute')}`
}

/** What is left, no more exact than it is known. */
export function timeLeft(expects: number | null | undefined): string {
  if (expects === null || expects === undefined) return ''
  if (expects < 45) return 'less than a minute left'
  const minutes = expects / 60
  if (minutes < 10) return `about ${lasting(Math.round(minutes) * 60)} left`
  if (minutes < 90) return `about ${lasting(Math.round(minutes / 5) * 300)} left`
  return `about ${lasting(Math.round(minutes / 30) * 1800)} left`
}

export const moneyOf = (cost: number): string => (cost === 0 ? 'nothing' : cost < 0.01 ? 'less than 0.01 USD' : `${cost.toFixed(2)} USD`)

/** What it has cost so far, in a few words; of a model without a price only the tokens are known. */
export function cost(spent: { input: number; output: number; cost: number; cost_known: boolean; requests: number }): string {
  const tokens = spent.input + spent.output
  if (!spent.requests && !tokens) return ''
  if (spent.cost_known && spent.cost > 0) return moneyOf(spent.cost)
  return `${thousands(tokens)} tokens`
}

export function thousands(n: number): string {
  if (n < 1000) return String(n)
  if (n < 1_000_000) return `${(n / 1000).toFixed(n < 10_000 ? 1 : 0).replace(/\.0$/, '')}k`
  return `${(n / 1_000_000).toFixed(1).replace(/\.0$/, '')}M`
}

/** A moment to come, or that was: "today at 08:00", "tomorrow at 08:00", "Friday at 08:00", "Fri 4 Dec at 08:00". */
export function moment(at: number, zone?: string, now: number = Date.now() / 1000): string {
  const zoned = zone ? { timeZone: zone } : {}
  const date = new Date(at * 1000)
  const day = (seconds: number) => new Date(seconds * 1000).toLocaleDateString('en-CA', zoned)
  const clock = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', ...zoned })
  const days = Math.round((Date.parse(day(at)) - Date.parse(day(now))) / 86_400_000)
  const called = days === 0 ? 'today' : days === 1 ? 'tomorrow' : days === -1 ? 'yesterday'
    : days > 1 && days < 7 ? date.toLocaleDateString('en-GB', { weekday: 'long', ...zoned })
      : date.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short', ...(Math.abs(days) > 300 ? { year: 'numeric' } : {}), ...zoned })
  return `${called} at ${clock}`
}

/** The time zone of this browser; UTC where it does not say. */
export function hereZone(): string {
  try {
    return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'
  } catch {
    return 'UTC'
  }
}
/** "Europe/Berlin" as people say it. */
export const zoneName = (zone: string): string => zone.split('/').at(-1)!.replaceAll('_', ' ')

/** The name of a value as a label: "max_pages" is "Max pages". */
export const labelled = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ')

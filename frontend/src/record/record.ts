/** What became of everybody's proposals: the rows of the record, and how their numbers are said. */
import type { Kind } from '../api'

export interface Standing { put_in: number; alive: number }
export interface Sums {
  suggestions: number
  proposed: number
  open: number
  stale: number
  accepted: number
  rejected: number
  withdrawn: number
  by_policy: number
  taken_back: number
  amended: number
  amended_share: number | null
  after_a_day: Standing
  now: Standing
  /** Seconds from suggestion to decision; the median. */
  decided_after: number | null
}
export interface Row extends Sums { participant: string; name: string; kind: Kind; color: string; skill: string; models: string[] }
export interface Recorded { rows: Row[]; total: Sums; canvases?: number }

export type Status = 'open' | 'stale' | 'accepted' | 'rejected' | 'withdrawn'
export interface Change {
  suggestion: string
  hunk: number
  page: string
  page_title: string
  status: Status
  at: number
  by_name: string
  policy: string
  was: string
  now: string
  put_in: number
  stands: number
}
export interface Chain { whole: boolean; rows: number; seq: number; head: string; broken: number | null; seen: number | null }

/** Whether rows of one skill and of none are to be told apart: what a person types has no skill. */
export const skillOf = (row: Row): string => (row.skill ? row.skill[0]!.toUpperCase() + row.skill.slice(1) : row.kind === 'agent' ? 'Other' : 'By hand')
export const keyOf = (row: Row): string => `${row.participant} ${row.skill}`

export const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null)
export const stands = (standing: Standing): number | null => share(standing.alive, standing.put_in)
/** Of what people decided about, how much they took. */
export const taken = (sums: Sums): number | null => share(sums.accepted, sums.accepted + sums.rejected)

/** A share as people read it. Nearly all is not all, and nearly nothing not nothing. */
export function percent(value: number | null): string {
  if (value === null) return '–'
  const rounded = Math.round(value * 100)
  if (rounded === 100 && value < 1) return '> 99 %'
  if (rounded === 0 && value > 0) return '< 1 %'
  return `${rounded} %`
}

/** Seconds as people say them: the largest unit that fits. */
export function lasting(seconds: number | null): string {
  if (seconds === null) return '–'
  if (seconds < 1) return 'at once'
  for (const [unit, size] of [['d', 86_400], ['h', 3600], ['min', 60]] as const) {
    const value = seconds / size
    if (value >= 1) return `${value < 10 && unit !== 'min' ? Math.round(value * 10) / 10 : Math.round(value)} ${unit}`
  }
  return `${Math.round(seconds)} s`
}

export type Column = 'name' | 'proposed' | 'taken' | 'amended' | 'after_a_day' | 'now' | 'decided_after'
const VALUES: Record<Exclude<Column, 'name'>, (row: Row) => number | null> = {
  proposed: (row) => row.proposed,
  taken,
  amended: (row) => (row.amended ? row.amended_share : null),
  after_a_day: (row) => stands(row.after_a_day),
  now: (row) => stands(row.now),
  decided_after: (row) => row.decided_after,
}

/** The rows in the order of a column. Those that have nothing in it come last, whichever way it goes. */
export function sorted(rows: readonly Row[], column: Column, down: boolean): Row[] {
  const way = down ? -1 : 1
  const byName = (a: Row, b: Row) => a.name.localeCompare(b.name) || skillOf(a).localeCompare(skillOf(b))
  return rows.toSorted((a, b) => {
    if (column === 'name') return way * byName(a, b)
    const [one, other] = [VALUES[column](a), VALUES[column](b)]
    if (one === null || other === null) return Number(one === null) - Number(other === null) || byName(a, b)
    return way * (one - other) || byName(a, b)
  })
}

/** The times that one can look at, by how many days they go back. */
export const TIMES = [{ days: 0, label: 'Always' }, { days: 90, label: '90 days' }, { days: 30, label: '30 days' }, { days: 7, label: '7 days' }] as const

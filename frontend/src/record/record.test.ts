import { expect, test } from 'vitest'
import { lasting, percent, type Row, skillOf, sorted, stands, taken } from './record'

const row = (given: Partial<Row>): Row => ({
  participant: 'co', name: 'Co', kind: 'agent', color: '#9048fc', skill: '', models: [], suggestions: 1, proposed: 1, open: 0, stale: 0,
  accepted: 0, rejected: 0, withdrawn: 0, by_policy: 0, taken_back: 0, amended: 0, amended_share: null,
  after_a_day: { put_in: 0, alive: 0 }, now: { put_in: 0, alive: 0 }, decided_after: null, ...given,
})

test('a share is rounded, but never to all or nothing', () => {
  expect([0, 0.001, 0.5, 0.996, 1, null].map(percent)).toEqual(['0 %', '< 1 %', '50 %', '> 99 %', '100 %', '–'])
})

test('a time is said in its largest unit', () => {
  expect([null, 0.2, 12, 90, 3600, 5400, 86_400 * 1.5, 86_400 * 30].map(lasting)).toEqual(['–', 'at once', '12 s', '2 min', '1 h', '1.5 h', '1.5 d', '30 d'])
})

test('what was taken is a share of what was decided, and there may be none', () => {
  expect(taken(row({ accepted: 3, rejected: 1, open: 9, withdrawn: 4 }))).toBe(0.75)
  expect(taken(row({ open: 3 }))).toBeNull()
  expect(stands({ put_in: 10, alive: 4 })).toBe(0.4)
  expect(stands({ put_in: 0, alive: 0 })).toBeNull()
})

test('rows are in the order of a column, those without a value last either way', () => {
  const rows = [row({ name: 'A', accepted: 1, rejected: 1 }), row({ name: 'B' }), row({ name: 'C', accepted: 1 }), row({ name: 'D', rejected: 1 })]
  expect(sorted(rows, 'taken', true).map(({ name }) => name)).toEqual(['C', 'A', 'D', 'B'])
  expect(sorted(rows, 'taken', false).map(({ name }) => name)).toEqual(['D', 'A', 'C', 'B'])
  expect(sorted(rows, 'name', true).map(({ name }) => name)).toEqual(['D', 'C', 'B', 'A'])
  expect(rows.map(({ name }) => name)).toEqual(['A', 'B', 'C', 'D'])
})

test('a skill has a name to be read', () => {
  expect([row({ skill: 'rewrite' }), row({}), row({ kind: 'person' })].map(skillOf)).toEqual(['Rewrite', 'Other', 'By hand'])
})

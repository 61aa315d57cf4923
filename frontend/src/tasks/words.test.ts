import { expect, it } from 'vitest'
import { cost, lasting, moment, timeLeft } from './words'

it('says how long it takes no more exactly than anybody knows', () => {
  expect([5, 61, 3600, 8400, 200_000].map(lasting)).toEqual(['5 seconds', '1 minute', '1 hour', '2 hours 20 minutes', '2 days'])
  expect([null, 20, 130, 1260, 9000].map((one) => timeLeft(one))).toEqual(['', 'less than a minute left', 'about 2 minutes left', 'about 20 minutes left', 'about 2 hours 30 minutes left'])
})

it('says when something happens as people do, in the zone that is meant', () => {
  const now = Date.UTC(2026, 10, 23, 17, 0) / 1000 // a Monday
  const at = (day: number, hour: number) => Date.UTC(2026, 10, day, hour, 0) / 1000
  expect(moment(at(23, 20), 'UTC', now)).toBe('today at 20:00')
  expect(moment(at(24, 7), 'Europe/Berlin', now)).toBe('tomorrow at 08:00')
  expect(moment(at(27, 8), 'UTC', now)).toBe('Friday at 08:00')
  expect(moment(at(22, 8), 'UTC', now)).toBe('yesterday at 08:00')
  expect(moment(Date.UTC(2026, 11, 24, 8) / 1000, 'UTC', now)).toMatch(/^Thu,? 24 Dec at 08:00$/)
})

it('says what it cost, or how much was read and written where there is no price', () => {
  const spent = { requests: 2, input: 11_600, output: 400, seconds: 1, cost: 0.123, cost_known: true }
  expect(cost(spent)).toBe('0.12 USD')
  expect(cost({ ...spent, cost: 0, cost_known: false })).toBe('12k tokens')
  expect(cost({ ...spent, requests: 0, input: 0, output: 0, cost: 0 })).toBe('')
})

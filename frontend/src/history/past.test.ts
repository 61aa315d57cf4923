import { describe, expect, it } from 'vitest'
import { characters, dayOf, days, momentAt, moments, says, span, type Timeline } from './past'

const noon = new Date(2026, 2, 4, 12, 0).getTime() / 1000
const session = (from: number, at: number, ...stops: number[]) => ({
  from, to: stops.at(-1) ?? from, began: at, ended: at + 60, added: 1, removed: 0, people: [], pages: [], decisions: {}, runs: [], notes: [],
  moments: stops.map((seq) => [seq, at] as [number, number]),
})
const timeline: Timeline = {
  tip: 9, at: noon, titles: { p: 'The shore' }, versions: [], participants: {},
  sessions: [session(1, noon - 3 * 86400, 2, 4), session(5, noon - 86400, 6), session(7, noon, 8, 9)],
}

describe('the past in words', () => {
  it('names days as people do', () => {
    expect(dayOf(noon, noon)).toBe('Today')
    expect(dayOf(noon - 86400, noon)).toBe('Yesterday')
    expect(dayOf(noon - 3 * 86400, noon)).toBe('Sunday, March 1')
    expect(dayOf(noon - 400 * 86400, noon)).toContain('2025')
  })
  it('says from when to when', () => {
    expect(span(noon, noon + 90 * 60)).toBe('12:00 to 13:30')
    expect(span(noon, noon + 20)).toBe('12:00')
  })
  it('puts the last session first, by day', () => {
    expect(days(timeline, noon).map(({ name, sessions }) => [name, sessions.map(({ number }) => number)])).toEqual([
      ['Today', [2]], ['Yesterday', [1]], ['Sunday, March 1', [0]],
    ])
  })
  it('finds the moment of a row', () => {
    const list = moments(timeline)
    expect(list.map(({ seq, session }) => [seq, session])).toEqual([[2, 0], [4, 0], [6, 1], [8, 2], [9, 2]])
    expect([0, 2, 3, 5, 6, 7, 99].map((seq) => list[momentAt(list, seq)]?.seq)).toEqual([2, 2, 2, 4, 6, 6, 9])
    expect(momentAt([], 3)).toBe(0)
  })
  it('says what somebody did', () => {
    const note = { seq: 1, at: 0, participant: 'ada' }
    expect(says({ ...note, type: 'restore', page: 'p' }, timeline.titles)).toBe('restored “The shore”')
    expect(says({ ...note, type: 'restore' }, timeline.titles)).toBe('restored the canvas')
    expect(says({ ...note, type: 'rename_page', title: 'Dawn', page: 'p' }, timeline.titles)).toBe('named a page “Dawn”')
  })
  it('counts characters, not code units', () => {
    expect(characters('a😀b', 3)).toBe(2)
    expect(characters('a😀b', 4)).toBe(3)
  })
})

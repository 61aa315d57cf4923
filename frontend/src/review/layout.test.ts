import { describe, expect, it } from 'vitest'
import { near, stack, type Wish } from './layout'

const wish = (id: string, top: number, height = 100): Wish => ({ id, top, height })

describe('stack', () => {
  it('leaves cards beside their lines when there is room', () => {
    expect([...stack([wish('a', 10), wish('b', 200)], undefined).values()]).toEqual([10, 200])
  })
  it('pushes a card below the one before it', () => {
    expect([...stack([wish('a', 10), wish('b', 20), wish('c', 30)], undefined).values()]).toEqual([10, 118, 226])
  })
  it('keeps the active card in place and pushes the others around it', () => {
    const tops = stack([wish('a', 300), wish('b', 310), wish('c', 320)], 'b')
    expect(Object.fromEntries(tops)).toEqual({ a: 202, b: 310, c: 418 })
  })
  it('rather moves the active card than losing one above the page', () => {
    const tops = stack([wish('a', 0), wish('b', 10)], 'b')
    expect(Object.fromEntries(tops)).toEqual({ a: 0, b: 108 })
  })
  it('never lets two cards touch', () => {
    const wishes = [5, 6, 90, 91, 92, 400, 401].map((top, i) => wish(String(i), top, 40 + 7 * i))
    for (const active of [undefined, '0', '3', '6']) {
      const tops = [...stack(wishes, active).values()]
      for (let i = 1; i < tops.length; i++) expect(tops[i]! - tops[i - 1]! - wishes[i - 1]!.height).toBeGreaterThanOrEqual(8)
    }
  })
})

it('near keeps only what is about the screen', () => {
  const wishes = [wish('a', 0), wish('b', 5000), wish('c', 9000)]
  const found = near(wishes, stack(wishes, undefined), 4800, 5600, 600)
  expect(found.map((w) => w.id)).toEqual(['b'])
})

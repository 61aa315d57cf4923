import { describe, expect, it } from 'vitest'
import { afterDrop, afterStep } from './order'

const ids = ['a', 'b', 'c', 'd']
const apply = (id: string, after: string | null | undefined) => {
  if (after === undefined) return ids.join('')
  const rest = ids.filter((other) => other !== id)
  rest.splice(after === null ? 0 : rest.indexOf(after) + 1, 0, id)
  return rest.join('')
}

describe('a step', () => {
  it.each([['b', 1, 'acbd'], ['b', -1, 'bacd'], ['c', -1, 'acbd'], ['a', -1, 'abcd'], ['d', 1, 'abcd'], ['c', 1, 'abdc']] as const)('%s by %i gives %s', (id, by, order) => {
    expect(apply(id, afterStep(ids, id, by))).toBe(order)
  })
})
describe('a drop', () => {
  it.each([['a', 0, 'abcd'], ['a', 1, 'abcd'], ['a', 2, 'bacd'], ['a', 4, 'bcda'], ['d', 0, 'dabc'], ['c', 1, 'acbd']] as const)('of %s into gap %i gives %s', (id, gap, order) => {
    expect(apply(id, afterDrop(ids, id, gap))).toBe(order)
  })
})

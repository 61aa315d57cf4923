import { describe, expect, it } from 'vitest'
import { type Effect, sentence, type Side } from './effect'

const side = (share: number, decided = 100): Side => ({ accepted: share * decided, amended: 0, rejected: (1 - share) * decided, decided, share, low: 0, high: 1 })
const effect = (says: Effect['says'], shown: number, withheld: number, decided?: number): Effect =>
  ({ shown: side(shown), withheld: side(withheld, decided), says, needed: 30 })

describe('what is said of the effect', () => {
  it('gives both shares', () => {
    expect(sentence(effect('better', 0.8, 0.5))).toBe('It helps. 80 % of changes were taken as proposed where examples were shown, 50 % where they were not.')
    expect(sentence(effect('worse', 0.5, 0.8))).toContain('It does harm.')
    expect(sentence(effect('no_difference', 0.5, 0.5))).toContain('No difference')
  })
  it('claims nothing of a few decisions', () => {
    expect(sentence(effect('too_few', 1, 0, 4))).toContain('4 of the 30')
  })
})

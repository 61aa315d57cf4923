import { describe, expect, it } from 'vitest'
import { FORMATS, leftBehind } from './formats'

const named = (name: string) => FORMATS.find((format) => format.name === name)!

describe('what stays behind', () => {
  it('is nothing in a format that keeps what is open', () => {
    expect(leftBehind(named('docx'), 3, 2, false)).toBe('')
    expect(leftBehind(named('studiolo'), 3, 2, false)).toBe('')
  })
  it('is said in words', () => {
    expect(leftBehind(named('pdf'), 3, 1, false)).toBe('3 open suggestions and one comment stay behind: PDF cannot hold them.')
    expect(leftBehind(named('pdf'), 1, 0, false)).toBe('One open suggestion stays behind: PDF cannot hold them.')
  })
  it('is not what is taken', () => {
    expect(leftBehind(named('epub'), 3, 0, true)).toBe('')
    expect(leftBehind(named('epub'), 3, 2, true)).toBe('2 comments stay behind: EPUB cannot hold them.')
  })
})

import { describe, expect, it } from 'vitest'
import { type Author, gathered, inPoints, inUtf16, label, Lines, LINES, look, percent, plain, type Run, sentence, sharesOf, smooth, type Told } from './authors'

const ben: Author = { id: 'ben', name: 'Ben', kind: 'person', color: '#123456' }
const muse: Author = { id: 'muse', name: 'Muse', kind: 'agent', color: '#654321' }
const run = (start: number, length: number, participant: string, how: Run['how'] = 'typed'): Run => ({ start, length, participant, how })

describe('offsets', () => {
  it('are counted in characters by the studio and in UTF-16 here', () => {
    expect(inUtf16('😀é🌊xy', [run(0, 3, 'a'), run(3, 2, 'b')])).toMatchObject([{ from: 0, to: 5 }, { from: 5, to: 7 }])
    expect(inPoints('😀é🌊xy')).toBe(5)
    expect(inPoints('')).toBe(0)
  })
})

describe('how authors are drawn', () => {
  it('gives each a line that stays, and no two of the first six the same', () => {
    const lines = new Lines()
    const given = Array.from({ length: LINES }, (_, n) => lines.of(`author ${n}`))
    expect(new Set(given).size).toBe(LINES)
    expect(lines.of('author 3')).toBe(given[3])
  })
  it('leaves one’s own typing plain, but not what one pasted', () => {
    expect(plain(run(0, 1, 'ben'), 'ben')).toBe(true)
    expect(plain(run(0, 1, 'ben', 'pasted'), 'ben')).toBe(false)
    expect(plain(run(0, 1, 'muse'), 'ben')).toBe(false)
    expect(look(2, 'accepted', 'agent')).toBe('by by-2 by-accepted by-agent')
  })
  it('draws a blank between two words of one author as theirs, but no word and no line break', () => {
    const text = 'one two and 3 four\nfive'
    const list = inUtf16(text, [
      run(0, 3, 'muse', 'accepted'), run(3, 1, 'ben'), run(4, 3, 'muse', 'accepted'), run(7, 5, 'ben'), run(12, 1, 'muse', 'accepted'),
      run(13, 1, 'ben'), run(14, 4, 'muse', 'accepted'), run(18, 1, 'ben'), run(19, 4, 'muse', 'accepted'),
    ])
    expect(smooth(text, list).map(({ from, to, participant }) => [text.slice(from, to), participant])).toEqual([
      ['one two', 'muse'], [' and ', 'ben'], ['3 four', 'muse'], ['\n', 'ben'], ['five', 'muse'],
    ])
  })
})

describe('shares', () => {
  it('add up, the largest first', () => {
    const shares = sharesOf([run(0, 10, 'ben'), run(10, 60, 'muse', 'accepted'), run(70, 20, 'ben'), run(90, 10, 'ben', 'pasted')])
    expect(shares.map(({ participant, how, characters, percent: part }) => [participant, how, characters, part])).toEqual([
      ['muse', 'accepted', 60, 60], ['ben', 'typed', 30, 30], ['ben', 'pasted', 10, 10],
    ])
    expect(sharesOf([])).toEqual([])
  })
  it('never say all where it is not all, nor nothing', () => {
    expect([percent(100), percent(99.8), percent(0.2), percent(33.4)]).toEqual(['100 %', '99 %', 'under 1 %', '33 %'])
  })
})

describe('in words', () => {
  it('says who and how', () => {
    expect(label(muse, 'accepted', 'ben')).toBe('Muse, accepted')
    expect(label(ben, 'typed', 'ben')).toBe('You')
    expect(label(ben, 'pasted', 'ada')).toBe('Pasted by Ben')
    expect(label(ben, 'imported', 'ben')).toBe('Imported by you')
    expect(label(undefined, 'typed', 'ben')).toBe('Not known')
    expect(sentence(muse, 'accepted', 'ben')).toBe('Muse suggested this')
    expect(sentence(muse, 'typed', 'ben')).toBe('Muse wrote this')
    expect(sentence(ben, 'typed', 'ben')).toBe('You typed this')
  })
  it('takes what one author did in one change together', () => {
    const part = (text: string, participant: string, suggestion?: string): Told => ({
      start: 0, length: text.length, text, participant, how: suggestion ? 'accepted' : 'typed',
      ...(suggestion ? { suggestion: { id: suggestion, author: participant, at: 1, status: 'accepted' } } : {}),
    })
    const groups = gathered([part('The', 'muse', 's'), part(' ', 'ben'), part('lamp', 'muse', 's'), part(' was ', 'ben'), part('out', 'muse', 't')])
    expect(groups.map(({ participant, snippets }) => [participant, snippets])).toEqual([
      ['muse', ['The', 'lamp']], ['ben', ['was']], ['muse', ['out']],
    ])
    expect(gathered([part(' ', 'ben')])).toHaveLength(1)
  })
})

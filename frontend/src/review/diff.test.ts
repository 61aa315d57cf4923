import { describe, expect, it } from 'vitest'
import { type Edit, growingEdits, pieces, tokens, wordEdits } from './diff'

function apply(text: string, edits: Edit[]): string {
  let out = ''
  let at = 0
  for (const { from, to, insert } of edits) {
    expect(from).toBeGreaterThanOrEqual(at)
    out += text.slice(at, from) + insert
    at = to
  }
  return out + text.slice(at)
}

describe('tokens', () => {
  it.each([
    'It’s 4 o’clock — déjà vu 😀👍🏽, 家で待つ。\n\n  “No,” she said…',
    'é\u0301 👩‍👩‍👧 🇫🇷🇩🇪 a\tb',
    '\ud800 half a pair',
  ])('put together again give the text: %s', (text) => {
    expect(tokens(text).join('')).toBe(text)
  })
  it('keep an emoji with its modifiers whole', () => {
    expect(tokens('👍🏽👩‍👧')).toEqual(['👍🏽', '👩‍👧'])
  })
})

describe('wordEdits', () => {
  it('strikes only the word that changed', () => {
    const before = 'The keeper of the lamp had gone down to the sea that night.'
    expect(wordEdits(before, before.replace('lamp', 'light'))).toEqual([{ from: 18, to: 22, insert: 'light' }])
  })
  it('leaves unchanged words in the middle of a long rewrite alone', () => {
    const before = 'She took the coin. The harbour lay quite still under the heavy snow. Nobody spoke.'
    const after = 'She kept the coin. The harbour lay quite still under the heavy snow. Nobody answered.'
    const edits = wordEdits(before, after)
    expect(edits.map((e) => before.slice(e.from, e.to))).toEqual(['took', 'spoke'])
  })
  it('reads near neighbours as one change', () => {
    const edits = wordEdits('a red fox ran home', 'a grey fox walked home')
    expect(edits).toEqual([{ from: 2, to: 13, insert: 'grey fox walked' }])
  })
  it('does not join changes across a line break', () => {
    expect(wordEdits('one\ntwo', 'uno\ndos')).toHaveLength(2)
  })
  it('turns one text into the other whatever they are', () => {
    const words = ['sea', 'lamp', ' ', '\n', ', ', '😀', 'déjà', '’', 'it’s']
    let seed = 7
    const pick = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n
    for (let round = 0; round < 300; round++) {
      const make = () => Array.from({ length: pick(14) }, () => words[pick(words.length)]).join('')
      const before = make()
      const after = make()
      expect(apply(before, wordEdits(before, after))).toBe(after)
    }
  })
  it('survives texts too long to align', () => {
    const before = Array.from({ length: 3000 }, (_, i) => `w${i}`).join(' ')
    const after = `start ${before.replace('w5 ', 'five ').replace('w2990 ', '')} end`
    expect(apply(before, wordEdits(before, after))).toBe(after)
  })
})

describe('growingEdits', () => {
  const before = 'The lamp was out. The stairs were wet. She counted them aloud.'
  it('leaves what the writer has not come to yet alone', () => {
    expect(growingEdits(before, 'The light was')).toEqual([{ from: 4, to: 8, insert: 'light' }])
  })
  it('does not strike a word because it is half written', () => {
    expect(growingEdits(before, 'The lamp was out. The sta')).toEqual([])
  })
  it('shows an addition at the end', () => {
    expect(growingEdits('Nobody came.', 'Nobody came. Not even the gulls')).toEqual([{ from: 12, to: 12, insert: ' Not even the gulls' }])
  })
  it('ends as the finished change does', () => {
    const after = 'The light was out. The steps were wet. She counted them aloud.'
    expect(apply(before, growingEdits(before, after))).toBe(after)
  })
})

describe('pieces', () => {
  it('cuts long unchanged stretches, at the edges too', () => {
    const before = `${'first '.repeat(20)}lamp${' last'.repeat(20)}`
    const shown = pieces(before, wordEdits(before, before.replace('lamp', 'light')))
    expect(shown.map((p) => p.kind)).toEqual(['same', 'del', 'ins', 'same'])
    expect(shown[0]!.text).toBe('… first first first ')
    expect(shown[3]!.text).toBe(' last last last last …')
  })
})

import { describe, expect, it } from 'vitest'
import { blocks, spans } from './markdown'

describe('spans', () => {
  it('knows strong, emphasis, code and links', () => {
    expect(spans('a **b c** *d* `e*f*` [g](https://h.example/i)')).toEqual([
      { type: 'text', text: 'a ' }, { type: 'strong', text: 'b c' }, { type: 'text', text: ' ' }, { type: 'em', text: 'd' }, { type: 'text', text: ' ' },
      { type: 'code', text: 'e*f*' }, { type: 'text', text: ' ' }, { type: 'link', text: 'g', href: 'https://h.example/i' },
    ])
  })
  it('leaves arithmetic, snake case and unclosed marks as they are', () => {
    for (const text of ['2 * 3 * 4', 'a_b_c', '**open', '*'.repeat(40)]) expect(spans(text)).toEqual([{ type: 'text', text }])
  })
  it('never links to anything but the web, and ends an address before its full stop', () => {
    expect(spans('[x](javascript:alert(1))').some(({ type }) => type === 'link')).toBe(false)
    expect(spans('See https://a.example/b.')[1]).toEqual({ type: 'link', text: 'https://a.example/b', href: 'https://a.example/b' })
  })
  it('keeps tags as text', () => {
    expect(spans('<img src=x onerror=alert(1)>')).toEqual([{ type: 'text', text: '<img src=x onerror=alert(1)>' }])
  })
})

describe('blocks', () => {
  it('tells paragraphs, lists, quotes, headings and code apart', () => {
    expect(blocks('# T\n\none\ntwo\n\n- a\n- b\n\n2. c\n\n> q\n```py\nx = 1\n```').map(({ type }) => type)).toEqual(['heading', 'paragraph', 'list', 'list', 'quote', 'code'])
  })
  it('keeps the numbers of a list, also with empty lines between', () => {
    expect(blocks('3. a\n\n4. b')).toMatchObject([{ type: 'list', ordered: true, start: 3, items: [[{ text: 'a' }], [{ text: 'b' }]] }])
  })
  it('shows a code block that is still being written', () => {
    expect(blocks('```\nhalf')).toEqual([{ type: 'code', text: 'half' }])
  })
})

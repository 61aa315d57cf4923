import { ensureSyntaxTree } from '@codemirror/language'
import { EditorState } from '@codemirror/state'
import type { Decoration } from '@codemirror/view'
import { describe, expect, it } from 'vitest'
import { prose } from './language'
import { decorate, safeAddress } from './live-preview'

/** What a reader sees: hidden marks are left out, widgets are shown as `<name>`, line looks are listed apart. */
function look(doc: string, heads: number[] = [], readOnly = false) {
  const state = EditorState.create({ doc, extensions: [prose(), EditorState.readOnly.of(readOnly)] })
  ensureSyntaxTree(state, doc.length, 5000)
  const lines: string[] = []
  const classes: Record<string, string[]> = {}
  let text = ''
  let at = 0
  decorate(state, [{ from: 0, to: doc.length }], heads).between(0, doc.length, (from, to, deco) => {
    const spec = deco.spec as Parameters<typeof Decoration.mark>[0] & { widget?: { constructor: { name: string } } }
    if (from === to && spec.class) lines.push(`${state.doc.lineAt(from).number}:${spec.class}`)
    else if (spec.class) (classes[spec.class] ??= []).push(doc.slice(from, to))
    else {
      if (from < at) return
      text += doc.slice(at, from) + (spec.widget ? `<${spec.widget.constructor.name}>` : '')
      at = to
    }
  })
  return { text: text + doc.slice(at), lines, classes }
}

describe('marks', () => {
  it.each([
    ['*a* and **b** and ~~c~~ and `d`', 'a and b and c and d'],
    ['# Title', 'Title'],
    ['## Title ##', 'Title'],
    ['> said so', 'said so'],
    ['[lamp](https://example.org "x")', 'lamp'],
    ['![the point](map.png)', '<Picture>'],
    ['an \\*escaped\\* star', 'an *escaped* star'],
    ['- [x] done', '<Task> done'],
    ['a\n\n---\n\nb', 'a\n\n<Rule>\n\nb'],
  ])('of %j are hidden until the caret comes', (doc, seen) => {
    expect(look(doc).text).toBe(seen)
  })
  it('show only where the caret is', () => {
    const doc = '*a* and **b**'
    expect(look(doc, [1]).text).toBe('*a* and b')
    expect(look(doc, [10]).text).toBe('a and **b**')
  })
  it('hang in the margin when their line has the caret, so that the words stay where they are', () => {
    expect(look('## Title', [5]).classes['md-hang']).toEqual(['## '])
    expect(look('> words', [5]).classes['md-hang']).toEqual(['> '])
  })
  it('of lists keep their width, caret or not', () => {
    const away = look('- one\n- two')
    expect(away.classes['md-bullet']).toEqual(['- ', '- '])
    expect(look('- one\n- two', [3])).toEqual(away)
    expect(look('1. one').classes['md-number']).toEqual(['1. '])
  })
  it('in code are left alone', () => {
    const doc = '```\n*a* # b\n```'
    const seen = look(doc)
    expect(seen.text).toBe(doc)
    expect(seen.lines.filter((line) => line.endsWith(':md-code'))).toHaveLength(3)
  })
  it('do not make a link of a bracketed word', () => {
    expect(look('he wrote [sic] there').text).toBe('he wrote [sic] there')
  })
})

describe('lines', () => {
  it('of a heading, an item and a table have their looks', () => {
    const { lines } = look('# A\n\n  - deep\n\n| a | b |\n|---|---|\n| 1 | 2 |')
    expect(lines).toContain('1:md-h md-h1')
    expect(lines).toContain('3:md-item')
    expect(lines.filter((line) => line.endsWith('md-table'))).toHaveLength(3)
  })
  it('outside what is visible cost nothing', () => {
    const doc = Array.from({ length: 4000 }, (_, i) => `*word* ${i}`).join('\n\n')
    const state = EditorState.create({ doc, extensions: [prose()] })
    ensureSyntaxTree(state, 2000, 5000)
    const set = decorate(state, [{ from: 0, to: 200 }], [])
    let last = 0
    set.between(0, doc.length, (_from, to) => void (last = Math.max(last, to)))
    expect(last).toBeLessThan(260)
  })
})

it('only opens addresses that lead to a page or a letter', () => {
  expect(safeAddress('https://example.org')).toBe('https://example.org')
  expect(safeAddress('<mailto:a@b.org>')).toBe('mailto:a@b.org')
  expect(safeAddress('www.example.org')).toBe('https://www.example.org')
  for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', '/c/other', '']) expect(safeAddress(bad)).toBeNull()
})

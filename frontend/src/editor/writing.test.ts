import { ensureSyntaxTree } from '@codemirror/language'
import { EditorState } from '@codemirror/state'
import { describe, expect, it } from 'vitest'
import { inUtf16 } from './authors'
import { modeOf, prose } from './language'
import { bold, italic, link } from './markdown-keys'
import { typographic } from './typography'

/** Runs a command on a text in which `[` and `]` stand for the ends of the selection. */
function run(command: typeof bold, marked: string): string {
  const anchor = marked.indexOf('[')
  const head = marked.indexOf(']') - 1
  const doc = marked.replace('[', '').replace(']', '')
  let state = EditorState.create({ doc, selection: head < 0 ? { anchor } : { anchor, head }, extensions: [prose()] })
  ensureSyntaxTree(state, doc.length, 5000)
  command({ state, dispatch: (tr) => void (state = tr.state) })
  const { from, to } = state.selection.main
  const text = state.doc.toString()
  return `${text.slice(0, from)}[${text.slice(from, to)}${from === to ? '' : ']'}${text.slice(to)}`
}

describe('marks by key', () => {
  it('are put around the selection and taken away again', () => {
    expect(run(bold, 'the [old] lamp')).toBe('the **[old]** lamp')
    expect(run(bold, 'the **[old]** lamp')).toBe('the [old] lamp')
  })
  it('go around the word at the caret', () => {
    expect(run(italic, 'the o[ld lamp')).toBe('the *o[ld* lamp')
  })
  it('leave blanks outside', () => {
    expect(run(bold, 'the[ old ]lamp')).toBe('the **[old]** lamp')
  })
  it('tell bold from italic inside one another', () => {
    expect(run(italic, '**[old]**')).toBe('***[old]***')
  })
  it('make a link and leave the caret for its address', () => {
    expect(run(link, 'see [here]')).toBe('see [here]([)')
  })
})

describe('typographic signs', () => {
  it.each([
    ['"', 'He said ', '“'], ['"', '“He said so', '”'], ["'", 'don', '’'], ["'", '“', '‘'], ['"', '', '“'], ['"', '(', '“'],
  ])('%s after %j is %s', (typed, before, made) => {
    expect(typographic(typed, before)?.insert).toBe(made)
  })
  it('make a dash of two hyphens in a sentence but leave a rule alone', () => {
    expect(typographic('-', 'the sea -')).toEqual({ insert: '—', back: 1 })
    expect(typographic('-', '-')).toBeNull()
    expect(typographic('-', '--')).toBeNull()
  })
  it('make three dots one', () => {
    expect(typographic('.', 'and then..')).toEqual({ insert: '…', back: 2 })
    expect(typographic('.', 'and then')).toBeNull()
  })
})

it('runs of authors are counted in characters by the studio and in UTF-16 here', () => {
  const list = [{ start: 0, length: 3, participant: 'a' }, { start: 3, length: 2, participant: 'b' }]
  expect(inUtf16('😀é🌊xy', list)).toMatchObject([{ from: 0, to: 5, participant: 'a' }, { from: 5, to: 7, participant: 'b' }])
})

it('chapters and notes are prose, files and tables are code', () => {
  expect((['prose', 'note', 'code', 'data'] as const).map(modeOf)).toEqual(['prose', 'prose', 'code', 'code'])
})

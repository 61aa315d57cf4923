import { describe, expect, it } from 'vitest'
import { around, bytes, idOf, likely, mayBePage, written } from './files'

describe('what is done with a file', () => {
  it('is a page for drafts, and a file beside the pages for what is read', () => {
    expect(likely({ name: 'Chapter 1.docx', size: 40_000 })).toBe('page')
    expect(likely({ name: 'notes.md', size: 400 })).toBe('page')
    expect(likely({ name: 'moby-dick.txt', size: 1_200_000 })).toBe('file')
    for (const name of ['book.pdf', 'sales.csv', 'sales.xlsx', 'photo.png', 'code.zip', 'book.epub']) expect(likely({ name, size: 4000 })).toBe('file')
  })
  it('is never a page where no page can be made', () => {
    expect(mayBePage('book.pdf')).toBe(false)
    expect(mayBePage('photo.PNG')).toBe(false)
    expect(mayBePage('Chapter.MD')).toBe(true)
  })
})

describe('a picture in a page', () => {
  it('is Markdown with the id of the file', () => {
    expect(written('My [best] cat.png', '0123456789abcdef')).toBe('![My  best  cat](attachment:0123456789abcdef)')
    expect(idOf('attachment:0123456789abcdef')).toBe('0123456789abcdef')
  })
  it('is nothing else', () => {
    for (const address of ['https://example.com/a.png', 'attachment:../../etc', 'attachment:0123', 'javascript:alert(1)', '']) expect(idOf(address)).toBe('')
  })
})

describe('a quote in its text', () => {
  it('is found as it is', () => expect(around('He said no.', 'said')).toEqual(['He ', 'said', ' no.']))
  it('is found with other marks and white space', () => {
    expect(around('The “good”\n*Pequod* sailed — at last', '"good" Pequod sailed - at')).toEqual(['The ', '“good”\n*Pequod* sailed — at', ' last'])
  })
  it('is not found where it is not', () => expect(around('He said no.', 'He said yes')).toBeNull())
})

it('sizes are said as people say them', () => {
  expect([bytes(12), bytes(45_600), bytes(3_400_000), bytes(34_000_000)]).toEqual(['12 bytes', '46 kB', '3.4 MB', '34 MB'])
})

import { describe, expect, it } from 'vitest'
import { mention, mentioned, unaddressed } from './mentions'

const agent = (id: string, name: string) => ({ id, name, color: '', skills: [] })
const agents = [agent('co-author', 'Co-author'), agent('critic', 'Critic'), agent('line-editor', 'Line editor')]

describe('mention', () => {
  it('is the name being typed at the caret', () => {
    expect(mention('hi @co', 6)).toEqual({ at: 3, name: 'co' })
    expect(mention('@', 1)).toEqual({ at: 0, name: '' })
    expect(mention('hi @co there', 6)).toEqual({ at: 3, name: 'co' })
  })
  it('is not an address or a finished word', () => {
    expect(mention('me@home', 7)).toBeNull()
    expect(mention('@co there', 9)).toBeNull()
  })
})
it('finds the agents that are called, however their names are written', () => {
  for (const text of ['@co-author hi', 'please, @Coauthor', '@CO-AUTHOR: go']) expect(mentioned(text, agents).map(({ id }) => id)).toEqual(['co-author'])
  for (const text of ['co-author', 'x@co-author', '@nobody', '@-']) expect(mentioned(text, agents)).toEqual([])
})
it('finds several, each once, in their order', () => {
  expect(mentioned('What do you say, @Line-editor, and you, @critic? @critic!', agents).map(({ id }) => id)).toEqual(['line-editor', 'critic'])
})
it('leaves the names out of what is asked', () => {
  expect(unaddressed('@critic: is it any good?', agents)).toBe('is it any good?')
  expect(unaddressed('Is it any good, @critic?', agents)).toBe('Is it any good?')
  expect(unaddressed('Write to @bob at me@home', agents)).toBe('Write to @bob at me@home')
  expect(unaddressed('@critic', agents)).toBe('@critic')
})

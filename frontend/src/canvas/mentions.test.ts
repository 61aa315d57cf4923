import { describe, expect, it } from 'vitest'
import { mention, mentioned } from './mentions'

const agents = [{ id: 'co-author', name: 'Co-author', color: '', skills: [] }]

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
it('finds the agent that is called, however its name is written', () => {
  for (const text of ['@co-author hi', 'please, @Coauthor', '@CO-AUTHOR: go']) expect(mentioned(text, agents)?.id).toBe('co-author')
  for (const text of ['co-author', 'x@co-author', '@nobody', '@-']) expect(mentioned(text, agents)).toBeUndefined()
})

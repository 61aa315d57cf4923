import { describe, expect, it } from 'vitest'
import { type Agent, BLANK, bodyOf, find, fitting, having, toolLabel, withBody, withField, written } from './agents'

const FILE = `---
name: Poet
# a note that stays
tools:
  canvas: allow
  web_search: ask
skills: [ask]
---
You are a poet.

---
A rule within.
`

describe('a file', () => {
  it('has one field changed and everything else left', () => {
    expect(withField(FILE, 'name', 'Bard')).toBe(FILE.replace('name: Poet', 'name: Bard'))
    expect(withField(FILE, 'tools', written('tools', { canvas: 'ask' }))).toBe(FILE.replace('  canvas: allow\n  web_search: ask', '  canvas: ask'))
    expect(withField(FILE, 'tools', written('tools', {}))).toContain('tools: []\nskills')
    expect(withField(FILE, 'tools', null)).toBe(FILE.replace('tools:\n  canvas: allow\n  web_search: ask\n', ''))
  })
  it('gets a field that it did not have at the end of its front matter', () => {
    expect(withField(FILE, 'role', 'editor')).toBe(FILE.replace('skills: [ask]\n---', 'skills: [ask]\nrole: editor\n---'))
    expect(withField('no front matter', 'name', 'x')).toBe('no front matter')
  })
  it('keeps its instructions apart from its fields', () => {
    expect(bodyOf(FILE)).toBe('You are a poet.\n\n---\nA rule within.\n')
    expect(withBody(FILE, 'New.')).toBe(`${FILE.slice(0, FILE.indexOf('You are'))}New.`)
    expect(bodyOf(withBody(BLANK, bodyOf(FILE)))).toBe(bodyOf(FILE))
  })
})

describe('a value', () => {
  it('is quoted where YAML would read something else', () => {
    expect(written('name', 'Line editor')).toBe('Line editor')
    expect(written('name', 'A: b #c')).toBe('"A: b #c"')
    expect(written('description', 'Says “no”, often.')).toBe('"Says “no”, often."')
    expect(written('color', '#9048fc')).toBe('"#9048fc"')
    expect(written('skills', ['ask', 'rewrite'])).toBe('[ask, rewrite]')
    expect(written('model', ['openai:x-1'])).toBe('["openai:x-1"]')
    expect(written('budget', { steps: 20, money: 0.5 })).toBe('{steps: 20, money: 0.5}')
  })
  it('goes when it says nothing', () => {
    for (const [field, nothing] of [['model', []], ['budget', {}], ['tools', null]] as const) expect(written(field, nothing)).toBeNull()
  })
})

it('says tools in words, and leaves out what everybody has', () => {
  expect(having({ canvas: 'allow', person: 'allow', web: 'ask', python: 'off' }, 'allow')).toEqual(['pages and comments'])
  expect(having({ web: 'ask' }, 'ask')).toEqual(['the web'])
  expect([toolLabel('sandbox'), toolLabel('mcp:notes'), toolLabel('mcp:notes/find_it')]).toEqual(['Python', 'notes', 'notes/find it'])
})

const agent = (id: string, name: string, description = ''): Agent => ({ id, name, description, color: '#1878b4', skills: [] })
const AGENTS = [agent('co-author', 'Co-author'), agent('critic', 'Critic', 'Says what works'), agent('analyst', 'Analyst'), agent('pair-programmer', 'Pair programmer')]

it('offers those first who know the trade', () => {
  expect(fitting(AGENTS, 'code')[0]?.id).toBe('pair-programmer')
  expect(fitting(AGENTS, 'data')[0]?.id).toBe('analyst')
  expect(fitting(AGENTS, 'prose').map(({ id }) => id)).toEqual(AGENTS.map(({ id }) => id))
})

it('finds agents by name before it finds them by what they do', () => {
  expect(find(AGENTS, 'crit').map(({ id }) => id)).toEqual(['critic'])
  expect(find(AGENTS, 'works says').map(({ id }) => id)).toEqual(['critic'])
  expect(find(AGENTS, '')).toHaveLength(4)
})

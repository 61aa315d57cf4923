import { describe, expect, it } from 'vitest'
import { standing, type Toolset } from './toolset'

const HERE: Toolset = {
  tools: [
    { name: 'read_url', group: 'web', limits: '', policy: 'ask' }, { name: 'browse_open', group: 'web', limits: '', policy: 'off' },
    { name: 'python', group: 'sandbox', limits: '', policy: 'off' }, { name: 'suggest', group: 'canvas', limits: '', policy: 'allow' },
  ],
  missing: [{ name: 'web_search', group: 'web', why: 'No search service is set up: docs/tools.md says how.' }, { name: 'query_table', group: 'tables', why: 'There is no sandbox in this studio.' }],
  programs: [], policy: { tools: { mcp: 'ask' }, problems: [], closed: false },
}

describe('of the tools of an agent', () => {
  it('nothing is said where all is well', () => {
    expect(standing('canvas', 'allow', HERE)).toEqual([])
    expect(standing('files', 'off', HERE)).toEqual([])
  })
  it('it is said what is missing here, and why', () => {
    expect(standing('web', 'ask', HERE)).toEqual(['Without web search: No search service is set up: docs/tools.md says how.'])
    expect(standing('tables', 'allow', HERE)).toEqual(['Not set up here. There is no sandbox in this studio.'])
    expect(standing('web_search', 'allow', HERE)).toEqual(['Not set up here. No search service is set up: docs/tools.md says how.'])
  })
  it('the owner counts where they allow less', () => {
    expect(standing('web', 'allow', HERE)).toContain('The studio’s owner has it ask first all the same.')
    expect(standing('sandbox', 'ask', HERE)).toEqual(['The studio’s owner has turned this off.'])
    expect(standing('sandbox', 'off', HERE)).toEqual([])
  })
  it('other programs are told of one by one', () => {
    expect(standing('mcp', 'ask', HERE)).toEqual(['No other program is connected to this studio.'])
    const connected = { ...HERE, programs: [{ name: 'notes', problem: '' }, { name: 'other', problem: 'KEY is not set.' }] }
    expect(standing('mcp', 'allow', connected)).toEqual(['other: KEY is not set.', 'The studio’s owner has it ask first all the same.'])
  })
})

/** What of its tools an agent would find in this studio: which are set up, which are not and why, and what the owner says. */
import { send } from '../api'
import { type Policy, toolLabel } from './agents'

export interface Toolset {
  tools: { name: string; group: string; limits: string; policy: Policy }[]
  missing: { name: string; group: string; why: string }[]
  programs: { name: string; problem: string }[]
  policy: { tools: Record<string, Policy>; problems: string[]; closed: boolean; programs?: string }
}

export const toolset = (): Promise<Toolset> => send<Toolset>('GET', '/api/tools', { retries: 1 })

const STRICT: Record<Policy, number> = { allow: 0, ask: 1, off: 2 }
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** What a person should know who lets an agent use a group of tools, or one of them: in sentences, none where all is well. */
export function standing(name: string, wanted: Policy, { tools, missing, programs, policy }: Toolset): string[] {
  if (name === 'mcp') {
    const broken = programs.filter(({ problem }) => problem).map((one) => `${one.name}: ${one.problem}`)
    if (policy.programs) return [policy.programs]
    return programs.length ? [...broken, ...said(policy.tools['mcp'], wanted)] : ['No other program is connected to this studio.']
  }
  const here = tools.filter((tool) => tool.group === name || tool.name === name)
  const gone = missing.filter((tool) => tool.group === name || tool.name === name)
  const lacks = here.length
    ? gone.map((tool) => `Without ${toolLabel(tool.name)}: ${tool.why}`)
    : gone.length ? [`Not set up here. ${gone[0]!.why}`] : []
  // Where the owner says something else of each tool, the mildest counts for the group: it says what can be had at all.
  const owner = here.map((tool) => tool.policy).sort((a, b) => STRICT[a] - STRICT[b])[0]
  return [...lacks, ...said(owner, wanted)]
}

function said(owner: Policy | undefined, wanted: Policy): string[] {
  if (!owner || STRICT[owner] <= STRICT[wanted]) return []
  return [owner === 'off' ? 'The studio’s owner has turned this off.' : 'The studio’s owner has it ask first all the same.']
}

/** What is wrong with what the owner wrote, and of a group that no agent has said anything about. */
export const troubles = ({ policy }: Toolset): string[] => policy.problems.map(capital)

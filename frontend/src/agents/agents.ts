/** An agent's file: what is in it, in words, and changing one field of it without touching the rest. */
import type { Model, Skill } from '../api'

export type Policy = 'allow' | 'ask' | 'off'
export type Tools = Record<string, Policy>

/** An agent as it is listed. `role` is the one it has, `wants` the one its file asks for. */
export interface Agent {
  id: string
  name: string
  color: string
  skills: Skill[]
  description?: string
  /** null: whatever the studio offers. */
  tools?: Tools | null
  autonomy?: string
  triggers?: string[]
  budget?: Record<string, number>
  role?: string
  wants?: string
  model?: { wishes: string[]; used: Model | null }
  origin?: 'shipped' | 'changed' | 'own' | 'new'
}

export interface Problem { agent: string; file: string; line: number; message: string; hint: string }

/** What can stand in a file, each with its meaning. */
export interface Words {
  skills: Record<string, string>
  autonomy: Record<string, string>
  triggers: Record<string, string>
  policies: Record<string, string>
  roles: string[]
}

export interface Agents { agents: Agent[]; problems: Problem[]; may: { edit: boolean; trust: boolean }; words: Words }

export interface AgentFile {
  id: string
  agent: Agent | null
  text: string
  origin: 'shipped' | 'changed' | 'own'
  etag: string
  /** The text that Studiolo ships under this id. */
  shipped: string | null
  problem: Problem | null
}

export interface Checked { agent: Agent | null; problem: Problem | null; look_at: string[] }
export interface Reviewed extends Checked { text: string; id: string; exists: boolean; free_id: string; made_careful: boolean }

/** Groups of tools, as a person thinks of them. */
export const GROUPS: { name: string; label: string; note: string }[] = [
  { name: 'canvas', label: 'Pages and comments', note: 'Read, search, suggest, comment, add a page' },
  { name: 'files', label: 'Files', note: 'What was brought to the canvas: books, tables, pictures' },
  { name: 'docs', label: 'Documentation', note: 'Of libraries and of folders that the studio has indexed' },
  { name: 'tables', label: 'Tables', note: 'Queries over CSV, Excel and Parquet' },
  { name: 'sandbox', label: 'Python', note: 'Small programs, without network and without your files' },
  { name: 'web', label: 'The web', note: 'Search, read a page, browse' },
  { name: 'mcp', label: 'Other programs', note: 'Tools that the studio’s owner has connected' },
]

const TOOLS: Record<string, string> = {
  outline: 'the outline', read_page: 'pages', search: 'search in pages', read_threads: 'comments', read_conversation: 'the conversation',
  suggest: 'suggest changes', insert: 'suggest insertions', amend: 'amend its suggestions', withdraw: 'withdraw its suggestions',
  comment: 'comment', comment_on_suggestion: 'comment on suggestions', reply: 'reply', resolve: 'resolve comments', add_page: 'add pages',
  web_search: 'web search', read_url: 'read web pages', browse: 'browse the web', api_docs: 'documentation', python: 'Python',
  query_table: 'tables', list_files: 'the list of files', read_file: 'files', ask_person: 'ask a person', person: 'ask a person',
}

/** A tool or a group of them, in words. */
export const toolLabel = (name: string): string =>
  GROUPS.find((group) => group.name === name)?.label.toLowerCase().replace('python', 'Python') ?? TOOLS[name] ?? name.replace(/^mcp:/, '').replaceAll('_', ' ')

/** What everybody has, and so needs no saying. */
const PLAIN = new Set(['person', 'ask_person', 'outline', 'search'])

export const having = (tools: Tools | null | undefined, policy: Policy): string[] =>
  Object.entries(tools ?? {}).filter(([name, one]) => one === policy && !PLAIN.has(name)).map(([name]) => toolLabel(name))

// -- the file as text

const BARE = /^[\p{L}][\p{L}\p{N} ._-]*$/u

/** A text as YAML has it: as it is where that is safe, else in quotes. */
export const yaml = (value: string): string => (BARE.test(value) && value === value.trim() ? value : JSON.stringify(value))
export const yamlList = (values: readonly string[]): string => `[${values.map(yaml).join(', ')}]`
export const yamlTools = (tools: Tools): string =>
  Object.keys(tools).length ? Object.entries(tools).map(([name, policy]) => `\n  ${name.includes(':') ? JSON.stringify(name) : name}: ${policy}`).join('') : ' []'

/** The line that ends the front matter, or -1. */
function fence(lines: readonly string[]): number {
  return lines[0]?.trimEnd() === '---' ? lines.findIndex((line, at) => at > 0 && line.trimEnd() === '---') : -1
}

/** The text with one field of its front matter written anew, or taken out with null; the rest is left as it is. */
export function withField(text: string, name: string, value: string | null): string {
  const lines = text.split('\n')
  const end = fence(lines)
  if (end < 0) return text
  const found = lines.findIndex((line, at) => at > 0 && at < end && new RegExp(`^(['"]?)${name}\\1\\s*:`).test(line))
  const first = found < 0 ? end : found
  let after = found < 0 ? end : found + 1
  while (found >= 0 && after < end && (!lines[after]?.trim() || ' \t-]}'.includes(lines[after]?.[0] ?? ''))) after++
  const written = value === null ? [] : [`${name}:${value.startsWith('\n') || value.startsWith(' ') ? '' : ' '}${value}`]
  return [...lines.slice(0, first), ...written, ...lines.slice(after)].join('\n')
}

/** The instructions: what stands below the front matter. */
export function bodyOf(text: string): string {
  const lines = text.split('\n')
  const end = fence(lines)
  return end < 0 ? text : lines.slice(end + 1).join('\n')
}

export function withBody(text: string, body: string): string {
  const lines = text.split('\n')
  const end = fence(lines)
  return end < 0 ? body : [...lines.slice(0, end + 1), body].join('\n')
}

/** Of a field that a person changed, the new line of the file. */
export function written(field: string, value: unknown): string | null {
  switch (field) {
    case 'tools':
      return value === null ? null : yamlTools(value as Tools)
    case 'budget': {
      const limits = Object.entries(value as Record<string, number>)
      return limits.length ? `{${limits.map(([name, n]) => `${name}: ${n}`).join(', ')}}` : null
    }
    case 'color':
      return JSON.stringify(value)
    case 'model':
      return (value as string[]).length ? yamlList(value as string[]) : null
    case 'skills':
    case 'triggers':
      return yamlList(value as string[])
    default:
      return yaml(String(value))
  }
}

export const BLANK = `---
name: New agent
color: "#1878b4"
description: What it is good for, in one sentence.
skills: [ask, rewrite]
tools:
  canvas: allow
  web: ask
autonomy: suggest
triggers: [mention]
---
You are … Say who the agent is and what it cares about: this is read in every request.

## How you work

1. What it does first.
2. What it checks before it answers.

## What you do not do

Say where it stops.
`

/** The order in which agents are offered on a page of this kind: those who know its trade come first. */
export function fitting(agents: readonly Agent[], kind: string | undefined): Agent[] {
  const first = kind === 'code' ? ['pair-programmer', 'critic'] : kind === 'data' ? ['analyst', 'fact-checker'] : []
  const place = ({ id }: Agent) => (first.includes(id) ? first.indexOf(id) : first.length)
  return [...agents].sort((a, b) => place(a) - place(b))
}

/** The agents whose name, id or description has every word of what is looked for; names count first. */
export function find(agents: readonly Agent[], query: string): Agent[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const has = (text: string) => words.every((word) => text.toLowerCase().includes(word))
  const named = agents.filter(({ name, id }) => has(`${name} ${id}`))
  return [...named, ...agents.filter((agent) => !named.includes(agent) && has(`${agent.name} ${agent.id} ${agent.description ?? ''} ${agent.skills.map(({ label }) => label).join(' ')}`))]
}

import type { Agent } from '../api'

const bare = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
const CALLED = /(^|\s)@([\p{L}\p{N}-]+)[,:]?/gu

/** The `@name` that is being typed at the caret. */
export function mention(text: string, caret: number): { at: number; name: string } | null {
  const found = /(?:^|\s)@([\p{L}\p{N}-]*)$/u.exec(text.slice(0, caret))
  return found ? { at: caret - (found[1]?.length ?? 0) - 1, name: found[1] ?? '' } : null
}

const named = (word: string, agents: readonly Agent[]) => (word ? agents.find(({ id, name }) => word === bare(id) || word === bare(name)) : undefined)

/** The agents that a message calls, wherever in it, in the order in which it calls them. */
export function mentioned(text: string, agents: readonly Agent[]): Agent[] {
  const called = [...text.matchAll(CALLED)].map((match) => named(bare(match[2] ?? ''), agents))
  return [...new Set(called.filter((agent) => agent !== undefined))]
}

/** What is asked, without the names of those who are asked. */
export function unaddressed(text: string, agents: readonly Agent[]): string {
  const rest = text.replace(CALLED, (whole, before: string, name: string) => (named(bare(name), agents) ? before : whole))
  return rest.replace(/[^\S\n]+/g, ' ').replace(/,? *([.;:?!])/g, '$1').trim() || text.trim()
}

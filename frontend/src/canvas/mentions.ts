import type { Agent } from '../api'

const bare = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')

/** The `@name` that is being typed at the caret. */
export function mention(text: string, caret: number): { at: number; name: string } | null {
  const found = /(?:^|\s)@([\p{L}\p{N}-]*)$/u.exec(text.slice(0, caret))
  return found ? { at: caret - (found[1]?.length ?? 0) - 1, name: found[1] ?? '' } : null
}

/** The agent that a message calls, if it calls one. */
export function mentioned(text: string, agents: readonly Agent[]): Agent | undefined {
  const called = [...text.matchAll(/(?:^|\s)@([\p{L}\p{N}-]+)/gu)].map((match) => bare(match[1] ?? ''))
  return agents.find(({ id, name }) => called.some((word) => word !== '' && (word === bare(id) || word === bare(name))))
}

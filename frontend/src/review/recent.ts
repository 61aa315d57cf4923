/** The last decisions of a canvas, as its records tell of them: that survives a reload and is the same for everybody. */
import type { Suggestion } from '../session.svelte'

export interface Decided {
  decision: string
  status: 'accepted' | 'rejected' | 'withdrawn'
  by: string
  at: number
  hunks: { id: string; name: string; own: string; quote: string; replace: string }[]
}

export const MOST = 20

export function recently(suggestions: readonly Suggestion[]): Decided[] {
  const found = new Map<string, Decided>()
  for (const { id, name, author, hunks } of suggestions) {
    for (const { status, decision, by_name = '', decided = 0, quote, replace } of hunks) {
      if (!decision || (status !== 'accepted' && status !== 'rejected' && status !== 'withdrawn')) continue
      const one = found.get(decision)
      const hunk = { id, name, own: author, quote, replace }
      if (one) one.hunks.push(hunk)
      else found.set(decision, { decision, status, by: by_name || 'Somebody', at: decided, hunks: [hunk] })
    }
  }
  return [...found.values()].sort((a, b) => b.at - a.at).slice(0, MOST)
}

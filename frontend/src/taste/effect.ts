/** What can be said of what showing earlier decisions to agents is good for. */
export type Verdict = 'accepted' | 'amended' | 'rejected'
export interface Side { accepted: number; amended: number; rejected: number; decided: number; share: number; low: number; high: number }
export interface Effect { shown: Side; withheld: Side; says: 'better' | 'worse' | 'no_difference' | 'too_few'; needed: number }
export interface Example {
  id: string; page: string; by: { id: string; name: string }; agent: { id: string; name: string }; skill: string; kinds: string[]
  verdict: Verdict; before: string; proposed: string; taken: string; reason: string; at: number; mine: boolean
}
export interface Tastes { examples: Example[]; effect: Effect; forgotten: number }

const percent = (share: number) => `${Math.round(share * 100)} %`

export function sentence({ shown, withheld, says, needed }: Effect): string {
  if (says === 'too_few') {
    const few = Math.min(shown.decided, withheld.decided)
    return `Too little was decided yet to say whether it helps: ${few} of the ${needed} changes that are needed on each side.`
  }
  const seen = `${percent(shown.share)} of changes were taken as proposed where examples were shown, ${percent(withheld.share)} where they were not.`
  if (says === 'better') return `It helps. ${seen}`
  if (says === 'worse') return `It does harm. ${seen} Forget examples that mislead.`
  return `No difference can be seen. ${seen}`
}

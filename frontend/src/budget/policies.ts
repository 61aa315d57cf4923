/** Policies of the review budget as the studio gives them, and how they are said in a sentence. No framework here. */

export type ChangeKind =
  | 'typography' | 'spelling' | 'wording' | 'structure' | 'number' | 'name' | 'dialogue' | 'code' | 'insertion' | 'deletion'
export type Risk = 'low' | 'medium' | 'high'

export interface Counts { accepted: number; day: number; withdrawn: number; audited: number; wanted: number }
export interface Policy {
  id: string
  name: string
  /** A participant's id, or `*` for any agent. */
  agent: string
  skill: string
  kinds: ChangeKind[]
  risk: Risk
  then: 'accept' | 'ask'
  /** Of those accepted one in so many is shown to a person; 0: none. */
  sample: number
  /** Whether a model must agree, too, where the risk is not low. */
  second_look: boolean
  by_name: string
  at: number
  /** Why it accepts nothing at present. */
  paused: string
  removed: number
  counts: Counts
}
/** What a person fills in to make a policy, or to change one. */
export type Draft = Pick<Policy, 'agent' | 'skill' | 'kinds' | 'risk' | 'then' | 'sample' | 'second_look' | 'name'> & { policy?: string }

export interface Accepted {
  suggestion: string
  page: string
  title: string
  author: string
  name: string
  color: string
  reason: string
  at: number
  kinds: ChangeKind[]
  risk: Risk
  audit: '' | 'wanted' | 'good'
  stands: boolean
  decision: string
  hunks: { was: string; now: string; before: string; after: string; status: string }[]
}

/** In the order in which they matter less and less to most writers. */
export const KINDS: { kind: ChangeKind; label: string; what: string; least: Risk }[] = [
  { kind: 'typography', label: 'typography', what: 'Quotes, dashes, spaces, a capital after a full stop; commas, too, at medium risk.', least: 'low' },
  { kind: 'spelling', label: 'spelling', what: 'A slip of the fingers, where the text shows the right form elsewhere.', least: 'medium' },
  { kind: 'wording', label: 'wording', what: 'Other words for what was there.', least: 'medium' },
  { kind: 'insertion', label: 'new text', what: 'Words that were not there.', least: 'medium' },
  { kind: 'deletion', label: 'deletions', what: 'Words that go.', least: 'medium' },
  { kind: 'structure', label: 'structure', what: 'Paragraphs, headings, lists, sentences that change places.', least: 'medium' },
  { kind: 'dialogue', label: 'dialogue', what: 'What somebody says.', least: 'medium' },
  { kind: 'code', label: 'code', what: 'What a program does.', least: 'medium' },
  { kind: 'name', label: 'names', what: 'A name that comes, goes or changes.', least: 'high' },
  { kind: 'number', label: 'numbers', what: 'Numbers, dates, units, money.', least: 'high' },
]
const LABELS = new Map(KINDS.map(({ kind, label }) => [kind, label]))
export const RISKS: { risk: Risk; label: string; what: string }[] = [
  { risk: 'low', label: 'Low', what: 'It surely says the same as before.' },
  { risk: 'medium', label: 'Medium', what: 'It may say something a little different.' },
  { risk: 'high', label: 'High', what: 'It may change a fact.' },
]
const RANK: Record<Risk, number> = { low: 0, medium: 1, high: 2 }

export const label = (kind: ChangeKind): string => LABELS.get(kind) ?? kind

/** “a”, “a and b”, “a, b and c”. */
export function listed(words: readonly string[], and = 'and'): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} ${and} ${words.at(-1)}`
}

const COUNTED = ['none', 'each', 'one in two', 'one in three', 'one in four', 'one in five']
export const oneIn = (sample: number): string => (sample === 10 ? 'one in ten' : sample === 20 ? 'one in twenty' : (COUNTED[sample] ?? `one in ${sample}`))

/** A policy in one sentence; `who` is what its agent is called. */
export function sentence(policy: Draft, who: string): string {
  const kinds = listed(policy.kinds.map(label))
  if (!kinds) return 'Choose what it is about.'
  const skill = policy.skill ? `, from the skill “${policy.skill}”` : ''
  if (policy.then === 'ask') {
    const above = policy.risk === 'low' ? '' : `, from ${policy.risk} risk`
    return `Always ask me about ${kinds} by ${who}${skill}${above}.`
  }
  const upTo = policy.risk === 'low' ? 'where the risk is low' : policy.risk === 'medium' ? 'up to medium risk' : 'whatever the risk'
  const agreed = policy.second_look && policy.risk !== 'low' ? ' and when a model finds that it says the same' : ''
  return `Accept ${kinds} by ${who}${skill} at once, ${upTo}${agreed}${policy.sample ? `; show me ${oneIn(policy.sample)}` : ''}.`
}

/** Those of the kinds of which nothing is ever of so little risk: the policy would not accept any. */
export function unreachable(draft: Draft): ChangeKind[] {
  if (draft.then === 'ask') return []
  return KINDS.filter(({ kind, least }) => draft.kinds.includes(kind) && RANK[least] > RANK[draft.risk]).map(({ kind }) => kind)
}

/** What to begin with; nothing is chosen that a person did not choose. */
// `then` is a word of the action, and no function.
// oxlint-disable-next-line unicorn/no-thenable
export const blank = (): Draft => ({ name: '', agent: '*', skill: '', kinds: ['typography'], risk: 'low', then: 'accept', sample: 10, second_look: false })

/** What there is of a policy to change. */
export function draftOf(policy: Policy): Draft {
  const { id, name, agent, skill, kinds, risk, sample, second_look } = policy
  // oxlint-disable-next-line unicorn/no-thenable
  return { policy: id, name, agent, skill, kinds: [...kinds], risk, then: policy.then, sample, second_look }
}

/** A few words on either side of a change, of its own paragraph, none of them cut. */
export function around(before: string, after: string, keep = 28): [string, string] {
  const left = before.slice(before.lastIndexOf('\n') + 1)
  const [right = ''] = after.split('\n', 1)
  return [
    left.length > keep ? `…${left.slice(-keep).replace(/^\S*/u, '')}` : left,
    right.length > keep ? `${right.slice(0, keep).replace(/\S*$/u, '')}…` : right,
  ]
}

/** What a run does, as the studio tells it: its steps, its plan, what it asks of people, and what it has used up. */
import { amount } from '../text/ago'

export type StepKind = 'model' | 'tool' | 'note' | 'steer' | 'question' | 'approval'
export type StepState = 'running' | 'done' | 'failed' | 'refused' | 'waiting' | 'stopped'
export interface Step {
  n: number; kind: StepKind; tool?: string; title: string; state: StepState; at: number; seconds: number
  detail: Record<string, unknown>; result?: string; page?: string; tokens?: { input: number; output: number }; cost?: number
}
export interface PlanItem { text: string; state: string }
export interface Card {
  /** `task`: the task that asks, by itself; `ended`: what came of it. */
  run: string; task?: string; of?: string; results?: number; call: string; kind: 'question' | 'approval' | 'ended'; question: string; choices?: string[]; tool?: string; title?: string
  detail?: { will?: string; arguments?: Record<string, unknown>; host?: string; warnings?: string[]; grant?: string }
  /** Once it was answered: what, and by whom. */
  answer?: string; by?: string; name?: string; text?: string
}
export interface Usage { requests?: number; input_tokens?: number; output_tokens?: number; cost?: number | null; currency?: string }

/** Steps with one that is new, or has changed. */
export function withStep(steps: readonly Step[], step: Step): Step[] {
  const at = steps.findIndex(({ n }) => n === step.n)
  if (at >= 0) return steps.map((known, i) => (i === at ? step : known))
  const after = steps.findIndex(({ n }) => n > step.n)
  return after < 0 ? [...steps, step] : [...steps.slice(0, after), step, ...steps.slice(after)]
}

/** What it is doing now, in a sentence: the last thing that is not over, and was not only thinking about what to do. */
export function doing(steps: readonly Step[]): string {
  const open = steps.filter(({ state }) => state === 'running')
  return (open.findLast(({ kind }) => kind !== 'model') ?? open.at(-1))?.title ?? ''
}

/** The steps that people care about: requests to the model stand between all others, and the plan is shown as such. */
export const told = (steps: readonly Step[]): Step[] => steps.filter(({ kind, state, tool }) => (kind !== 'model' && tool !== 'plan') || state === 'failed')

export const tokens = (usage: Usage | undefined): number => (usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0)

export function money(cost: number | null | undefined, currency = 'USD'): string {
  if (cost === null || cost === undefined) return ''
  const digits = cost === 0 ? 2 : cost < 0.01 ? 4 : 2
  return `${cost.toFixed(digits)} ${currency}`
}

export function lasted(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** What it came to, in a line: "7 steps, 12,400 tokens, 0.03 USD". What is not known is left out. */
export function summary(count: number, usage: Usage | undefined): string {
  const used = tokens(usage)
  return [count ? amount(count, 'step') : '', used ? amount(used, 'token') : '', money(usage?.cost, usage?.currency)].filter(Boolean).join(', ')
}

/** The values of a call, each as text: what is not a text is JSON. */
export const written = (values: Record<string, unknown> | undefined): [string, string][] =>
  Object.entries(values ?? {}).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value, null, 1)])

const ANSWERED: Record<string, string> = { once: 'allowed it once', run: 'allowed it for this run', no: 'did not allow it', stopped: 'ended the run' }

/** Who answered a card, and what. */
export function answered({ answer = '', name, text, task }: Card): string {
  if (task && answer === 'stopped') return 'Nobody needs to answer any more: the task has ended.'
  const who = name || (answer === 'stopped' ? 'The end of the run' : 'Somebody')
  const said = text ? (answer === 'answered' ? text : `“${text}”`) : ''
  const did = task && answer === 'run' ? 'allowed it for the rest of the task' : (ANSWERED[answer] ?? answer)
  return answer === 'answered' ? `${who}: ${said}` : [`${who} ${did}`, said].filter(Boolean).join(': ')
}

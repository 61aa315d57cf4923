/** Webhooks as the studio lists them, and what was sent to them last. */
export type Group = 'suggestion' | 'decision' | 'comment' | 'task'
export interface Webhook { id: string; canvas: string; url: string; events: Group[]; made_by: string; made: number; secret?: string }
export interface Delivery { canvas: string; seq: number; event: string; type: string; at: number; tries: number; state: 'delivered' | 'waiting' | 'given up'; answer: string }
export interface Ping { delivered: boolean; answer: string }

export const GROUPS: { group: Group; label: string; note: string }[] = [
  { group: 'suggestion', label: 'Suggestions', note: 'made, finished, amended' },
  { group: 'decision', label: 'Decisions', note: 'accepted, rejected, withdrawn, taken back' },
  { group: 'comment', label: 'Comments', note: 'opened, answered, resolved' },
  { group: 'task', label: 'Tasks', note: 'waiting for an answer, done, failed' },
]

/** What an answer means: a status, or a sentence that is one already. */
export const answered = (answer: string): string => (/^\d+$/.test(answer) ? `answered ${answer}` : answer)

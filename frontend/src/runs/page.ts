/** Words for a run's page, and what became of what a run made. */

export const STATES: Record<string, string> = {
  queued: 'Next in line', running: 'At work', paused: 'Paused', waiting: 'Waits for an answer', done: 'Done', failed: 'Failed', stopped: 'Stopped', refused: 'Not allowed',
}

/** What an agent was given, and what it gave back. */
export const GIVEN: Record<string, string> = {
  outline: 'The outline of the canvas', before: 'The text before the place', selection: 'The passage that was chosen', after: 'The text after the place', page: 'The page',
  passage: 'A passage that has to do with it', suggestions: 'Open suggestions', conversation: 'What was said last', thread: 'The thread', suggestion: 'A suggestion', taste: 'What people made of earlier changes',
  message: 'An answer in the conversation', attachment: 'A file beside the pages',
}

export interface Decided { suggestions: { id: string; status: string; hunks: { amended_by?: string }[] }[]; threads: { id: string; status: string }[] }

const CALLED: Record<string, string> = { open: 'waits for a decision', streaming: 'being written', partly_accepted: 'partly accepted', resolved: 'settled' }

/** What became of each thing that a run made, by its id. */
export function become(canvas: Decided, results: readonly { type: string; id: string }[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (const { type, id } of results) {
    const suggestion = canvas.suggestions.find((one) => one.id === id)
    const status = type === 'suggestion' ? suggestion?.status : canvas.threads.find((one) => one.id === id)?.status
    if (!status) continue
    const amended = suggestion?.status === 'accepted' && suggestion.hunks.some(({ amended_by }) => amended_by)
    found[id] = amended ? 'accepted, amended' : (CALLED[status] ?? status)
    if (type === 'thread' && status === 'open') found[id] = 'open'
  }
  return found
}

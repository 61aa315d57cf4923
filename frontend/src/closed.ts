/** Why the line was closed for good, in words. */
export interface Closed { code: number; title: string; hint: string }

const WORDS: Record<number, Omit<Closed, 'code'>> = {
  4400: { title: 'The studio could not read what this page sent.', hint: 'Reload the page. If it happens again, the page and the studio are of different versions.' },
  4401: { title: 'You cannot come in any more.', hint: 'You were signed out, or your link was taken back. Ask the owner for a new one. What you wrote is kept in this browser.' },
  4403: { title: 'The studio refused a change.', hint: 'Your role on this canvas may have changed. Save a copy of your text if you need it, then reload.' },
  4404: { title: 'This canvas is gone.', hint: 'Its owner has deleted it. You can still save a copy of what is on your screen.' },
  4409: { title: 'The studio now holds another version of this canvas.', hint: 'Save a copy of your text, then load the studio’s version.' },
}

/** What a close code of the studio means to the person. */
export function closedBy(code: number, reason: string): Closed {
  return { code, ...(WORDS[code] ?? { title: reason || 'The studio closed the line.', hint: 'Reload the page to try again.' }) }
}

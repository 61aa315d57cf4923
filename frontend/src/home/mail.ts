/** Where one is written to, and about what: the HTTP contract, typed, and its words. Nothing here keeps state. */
import { send } from '../api'

export type News = 'waiting' | 'done' | 'failed'
export type Detail = 'titles' | 'more'
/** `problem`: why the last mail has not arrived; '' when it has. */
export interface Mailbox { address: string; confirmed: boolean; about: News[]; detail: Detail; problem: string }
/** `available`: whether this studio sends mail at all; no `mailbox`: one is not written to. */
export interface Mailing { available: boolean; mailbox: Mailbox | null }

export const NEWS: { news: News; label: string }[] = [
  { news: 'waiting', label: 'waits for an answer' },
  { news: 'done', label: 'is done' },
  { news: 'failed', label: 'could not go on' },
]
export const DETAILS: { detail: Detail; label: string; note: string }[] = [
  { detail: 'titles', label: 'Titles only', note: 'What stands in a canvas stays in the studio.' },
  { detail: 'more', label: 'Also what it asks, or came to', note: 'Whoever carries or reads your mail can read that, too.' },
]
/** What whoever runs the studio sets so that it can send mail. */
export const SETTINGS: { name: string; what: string; example: string }[] = [
  { name: 'STUDIOLO_SMTP_URL', what: 'the server that takes its mail', example: 'smtps://user:password@mail.example.com:465' },
  { name: 'STUDIOLO_MAIL_FROM', what: 'who its mail is from', example: 'studiolo@example.com' },
  { name: 'STUDIOLO_URL', what: 'the address at which people reach it, for links', example: 'https://studio.example.com' },
]

const path = '/api/me/mail'
export const mailApi = {
  get: () => send<Mailing>('GET', path),
  set: (wanted: Pick<Mailbox, 'address' | 'about' | 'detail'>) => send<Mailing>('PUT', path, { body: wanted }),
  askAgain: () => send<unknown>('POST', `${path}/confirm`, { body: {} }),
  forget: () => send<void>('DELETE', path),
}

import { Remembered } from '../remembered.svelte'

/** Whom a message of the conversation is for: an agent's id, 'all', or 'agent' for the one that comes first. */
export const recipient = new Remembered<string>('composer-to', 'agent')

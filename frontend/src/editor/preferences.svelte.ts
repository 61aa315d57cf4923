import { Remembered } from '../remembered.svelte'

/** How this person likes to write, remembered by this browser. */
export const preferences = {
  smartQuotes: new Remembered<boolean>('smart-quotes', false),
  authorship: new Remembered<boolean>('authorship', false),
}

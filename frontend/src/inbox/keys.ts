/** The keys of the inbox, as the help shows them. What they do is in Inbox.svelte. */
export const KEYS: { keys: string[]; label: string }[] = [
  { keys: ['j', '↓'], label: 'Next' },
  { keys: ['k', '↑'], label: 'Previous' },
  { keys: ['→', '←'], label: 'Go through what a task made; fold it up' },
  { keys: ['a'], label: 'Accept; resolve; try again' },
  { keys: ['r'], label: 'Reject; put away; take back' },
  { keys: ['e'], label: 'Edit, then accept; answer' },
  { keys: ['u'], label: 'Undo the last decision' },
  { keys: ['d'], label: 'Have it done again on today’s text' },
  { keys: ['s'], label: 'Later' },
  { keys: ['1', '…', '9'], label: 'Choose among alternatives' },
  { keys: ['m'], label: 'Merge what overlaps' },
  { keys: ['x'], label: 'Select; then A or R for all selected' },
  { keys: ['o', 'Enter'], label: 'Open in the canvas' },
  { keys: ['/'], label: 'Filter' },
  { keys: ['c'], label: 'By need, or by canvas' },
  { keys: ['Space'], label: 'Read on' },
  { keys: ['g', 'l'], label: 'To the library' },
  { keys: ['?'], label: 'These keys' },
]

/** Letters mean letters while somebody writes, and a button that has the focus keeps Enter and Space. */
export function meant(event: KeyboardEvent): string {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return ''
  const at = event.target instanceof HTMLElement ? event.target : null
  if (at?.isContentEditable || at?.matches('input, textarea, select')) return ''
  if ((event.key === 'Enter' || event.key === ' ') && at?.closest('button, a, [role="menuitem"]')) return ''
  return event.key.length === 1 ? event.key.toLowerCase() : event.key
}

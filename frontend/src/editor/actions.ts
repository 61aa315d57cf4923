/** What can be done in the text, for the palette and the keyboard. */
import { openSearchPanel } from '@codemirror/search'
import type { EditorView } from '@codemirror/view'
import Bold from '@lucide/svelte/icons/bold'
import Bot from '@lucide/svelte/icons/bot'
import Check from '@lucide/svelte/icons/check'
import ChevronDown from '@lucide/svelte/icons/chevron-down'
import ChevronUp from '@lucide/svelte/icons/chevron-up'
import Feather from '@lucide/svelte/icons/feather'
import Fingerprint from '@lucide/svelte/icons/fingerprint'
import Italic from '@lucide/svelte/icons/italic'
import History from '@lucide/svelte/icons/history'
import Lightbulb from '@lucide/svelte/icons/lightbulb'
import MessageSquarePlus from '@lucide/svelte/icons/message-square-plus'
import Pencil from '@lucide/svelte/icons/pencil'
import PenLine from '@lucide/svelte/icons/pen-line'
import Quote from '@lucide/svelte/icons/quote'
import ScanSearch from '@lucide/svelte/icons/scan-search'
import Search from '@lucide/svelte/icons/search'
import Sparkles from '@lucide/svelte/icons/sparkles'
import X from '@lucide/svelte/icons/x'
import type { Action } from '../actions.svelte'
import type { Asking } from '../review/asking.svelte'
import type { Review } from '../review/review.svelte'
import type { Session } from '../session.svelte'
import type { Authorship } from './authorship.svelte'
import type { Mode } from './language'
import { bold, italic } from './markdown-keys'
import { preferences } from './preferences.svelte'

interface Parts { session: Session; review: Review; asking: Asking; authorship: Authorship; view: () => EditorView | null; mode: () => Mode }

export function editorActions({ session, review, asking, authorship: who, view, mode }: Parts): Action[] {
  const { smartQuotes: quotes, authorship } = preferences
  const inText = (run: (at: EditorView) => unknown) => () => {
    const at = view()
    if (!at) return
    at.focus()
    run(at)
  }
  const canEdit = () => session.canEdit
  const canComment = () => session.canComment
  const prose = () => session.canEdit && mode() === 'prose'
  return [
    { id: 'review.next', label: 'Next suggestion or comment', group: 'Review', icon: ChevronDown, keys: ['F8'], run: () => review.go(1) },
    { id: 'review.previous', label: 'Previous suggestion or comment', group: 'Review', icon: ChevronUp, keys: ['Shift-F8'], run: () => review.go(-1) },
    { id: 'review.accept', label: 'Accept the suggestion here', group: 'Review', icon: Check, keys: ['Ctrl-Alt-Enter'], when: canEdit, run: () => review.decideHere('accept') },
    { id: 'review.reject', label: 'Reject the suggestion here', group: 'Review', icon: X, keys: ['Ctrl-Alt-Backspace'], when: canEdit, run: () => review.decideHere('reject') },
    { id: 'review.accept-all', label: 'Accept all suggestions on this page', group: 'Review', icon: Check, when: () => canEdit() && review.hunks.length > 0, run: () => review.decideAll('accept') },
    { id: 'review.reject-all', label: 'Reject all suggestions on this page', group: 'Review', icon: X, when: () => canEdit() && review.hunks.length > 0, run: () => review.decideAll('reject') },
    { id: 'review.edit', label: 'Edit the suggestion here before accepting it', group: 'Review', icon: Pencil, keys: ['Ctrl-Alt-e', 'e'], words: 'amend change', when: canComment, run: () => review.editHere() },
    { id: 'review.recent', label: 'Recently decided: look, and undo', group: 'Review', icon: History, words: 'undo accepted rejected take back', run: () => (review.recent = true) },
    ...Array.from({ length: 9 }, (_, i): Action => ({
      id: `review.alternative-${i + 1}`, label: `Look at alternative ${String.fromCharCode(65 + i)}`, group: 'Review', keys: [`Alt-${i + 1}`],
      when: () => review.activeCard?.kind === 'group' && review.activeCard.options.length > i, run: () => review.chooseNumber(i + 1),
    })),
    { id: 'review.comment', label: 'Comment on the selection', group: 'Review', icon: MessageSquarePlus, keys: ['Ctrl-Alt-m'], words: 'thread note', when: canComment, run: () => review.comment() },
    { id: 'review.resolved', label: 'Show or hide resolved comments', group: 'Review', run: () => (review.resolvedShown = !review.resolvedShown) },
    { id: 'ask.menu', label: 'Ask the agent about the selection or this place', group: 'Agents', icon: Sparkles, keys: ['Mod-j'], words: 'rewrite menu', when: canComment, run: () => asking.open('bar', true) },
    { id: 'ask.continue', label: 'Continue here', group: 'Agents', icon: Feather, keys: ['Alt-Enter'], words: 'write on go', when: canComment, run: asking.continueHere },
    { id: 'ask.rewrite', label: 'Rewrite the selection', group: 'Agents', icon: PenLine, words: 'shorten expand tone simplify fix', when: canComment, run: () => asking.open('rewrite', true) },
    { id: 'ask.critique', label: 'Critique the selection', group: 'Agents', icon: ScanSearch, words: 'review feedback', when: canComment, run: asking.critique },
    { id: 'ask.brainstorm', label: 'Brainstorm here', group: 'Agents', icon: Lightbulb, words: 'ideas', when: canComment, run: () => asking.open('brainstorm', true) },
    { id: 'ask.question', label: 'Ask about the selection', group: 'Agents', icon: Bot, when: canComment, run: () => asking.open('ask', true) },
    { id: 'write.bold', label: 'Bold (Ctrl B)', group: 'Write', icon: Bold, when: prose, run: inText(bold) },
    { id: 'write.italic', label: 'Italic (Ctrl I)', group: 'Write', icon: Italic, when: prose, run: inText(italic) },
    { id: 'write.find', label: 'Find and replace (Ctrl F)', group: 'Write', icon: Search, words: 'search', run: inText(openSearchPanel) },
    {
      id: 'write.quotes', label: quotes.value ? 'Leave quotes as typed' : 'Make typed quotes and dashes typographic', group: 'Write', icon: Quote,
      words: 'smart curly', when: prose, run: () => (quotes.value = !quotes.value),
    },
    {
      id: 'view.authorship', label: authorship.value ? 'Authors: stop showing who wrote what' : 'Authors: show who wrote what', group: 'View', icon: Fingerprint,
      words: 'authorship agents provenance tint', run: () => (authorship.value = !authorship.value),
    },
    {
      id: 'view.who', label: 'Who wrote this?', group: 'View', icon: Fingerprint, keys: ['Ctrl-Alt-w'],
      words: 'author origin provenance prompt model selection caret', run: () => (asking.close(), who.ask()),
    },
  ]
}

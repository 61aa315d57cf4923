import BookOpen from '@lucide/svelte/icons/book-open'
import Download from '@lucide/svelte/icons/download'
import FilePlus from '@lucide/svelte/icons/file-plus'
import Focus from '@lucide/svelte/icons/focus'
import Keyboard from '@lucide/svelte/icons/keyboard'
import MessageSquare from '@lucide/svelte/icons/message-square'
import PanelLeft from '@lucide/svelte/icons/panel-left'
import ScrollText from '@lucide/svelte/icons/scroll-text'
import Search from '@lucide/svelte/icons/search'
import Share2 from '@lucide/svelte/icons/share-2'
import Square from '@lucide/svelte/icons/square'
import SquarePen from '@lucide/svelte/icons/square-pen'
import SunMoon from '@lucide/svelte/icons/sun-moon'
import Trash2 from '@lucide/svelte/icons/trash-2'
import type { Action } from '../actions.svelte'
import { api } from '../api'
import { toast } from '../notices.svelte'
import { go } from '../route.svelte'
import type { Session } from '../session.svelte'
import { studio } from '../studio.svelte'
import { theme } from '../theme.svelte'
import type { Desk } from './desk.svelte'

const agent = () => studio.agents[0]?.name ?? 'Co-author'

/** What the shell itself can do. The editor and the review add theirs to the same list. */
export function commands(session: Session, desk: Desk): Action[] {
  const pageAt = (step: number) => {
    const pages = session.livePages
    const at = pages.findIndex((page) => page.id === session.page)
    const next = pages[at + step]
    if (next) session.setPage(next.id)
  }
  const critique = () =>
    session.ask({
      skill: 'critique', prompt: 'What works on this page, and what does not?', page: session.page, ...(studio.model ? { model: studio.model.name } : {}),
    }).catch(() => undefined)

  return [
    { id: 'palette', label: 'Search commands and pages', group: 'View', icon: Search, keys: ['Mod-k'], run: () => (desk.dialog = 'palette') },
    { id: 'chat.ask', label: 'Ask or talk', words: 'chat conversation message agent', group: 'Agents', icon: MessageSquare, keys: ['Ctrl-Alt-c'], run: () => { desk.open('chat'); requestAnimationFrame(() => document.getElementById('composer')?.focus()) } },
    { id: 'agent.critique', label: 'Ask for a critique of this page', words: 'feedback review comments', group: 'Agents', icon: ScrollText, when: () => session.canComment && session.page !== '', run: critique },
    { id: 'agent.stop', label: `Stop ${agent()}`, words: 'cancel agents runs', group: 'Agents', icon: Square, keys: ['Mod-.'], when: () => session.activeRuns.length > 0, run: () => Promise.all(session.activeRuns.map((run) => session.stop(run))) },
    { id: 'page.add', label: 'Add a page', words: 'new chapter file', group: 'Pages', icon: FilePlus, when: () => session.canEdit, run: () => addPage(session) },
    { id: 'page.next', label: 'Go to the next page', group: 'Pages', keys: ['Ctrl-Alt-ArrowDown'], when: () => session.livePages.length > 1, run: () => pageAt(1) },
    { id: 'page.previous', label: 'Go to the previous page', group: 'Pages', keys: ['Ctrl-Alt-ArrowUp'], when: () => session.livePages.length > 1, run: () => pageAt(-1) },
    { id: 'page.remove', label: 'Remove this page', words: 'delete', group: 'Pages', icon: Trash2, when: () => session.canEdit && session.livePages.length > 0, run: () => removePage(session, session.page) },
    { id: 'view.focus', label: desk.focus ? 'Leave focus mode' : 'Focus on the text', words: 'distraction zen full', group: 'View', icon: Focus, keys: ['Mod-\\'], run: () => { desk.focus = !desk.focus; session.editor?.focus() } },
    { id: 'view.pages', label: 'Show or hide the pages', group: 'View', icon: PanelLeft, keys: ['Ctrl-Alt-p'], run: () => desk.toggle('pages') },
    { id: 'view.chat', label: 'Show or hide the conversation', group: 'View', icon: MessageSquare, run: () => desk.toggle('chat') },
    { id: 'view.theme', label: 'Switch between light and dark', words: 'theme night mode', group: 'View', icon: SunMoon, run: () => theme.toggle() },
    { id: 'canvas.save', label: 'Save', words: 'saved', group: 'Canvas', keys: ['Mod-s'], run: () => toast(session.saved ? 'Everything is saved. It always is.' : 'The studio cannot be reached. Your edits are kept in this browser and follow by themselves.') },
    { id: 'canvas.rename', label: 'Rename the canvas', words: 'title', group: 'Canvas', icon: SquarePen, when: () => session.isOwner, run: () => document.getElementById('canvas-title')?.focus() },
    { id: 'canvas.share', label: 'Share', words: 'invite link people', group: 'Canvas', icon: Share2, when: () => session.isOwner, run: () => (desk.dialog = 'share') },
    { id: 'canvas.export', label: 'Download as Markdown', words: 'export save file', group: 'Canvas', icon: Download, run: () => location.assign(api.exportUrl(session.id)) },
    { id: 'canvas.library', label: 'Go to the library', words: 'home canvases', group: 'Canvas', icon: BookOpen, run: () => go('/') },
    { id: 'help', label: 'Keys and help', words: 'shortcuts keyboard', group: 'Canvas', icon: Keyboard, keys: ['?', 'F1'], run: () => (desk.dialog = 'help') },
  ]
}

/** Adds a page after the present one and opens it. */
export async function addPage(session: Session): Promise<void> {
  const chapters = session.livePages.filter((page) => /^(chapter|page)\b/i.test(page.title)).length
  const word = session.livePages.some((page) => /^chapter\b/i.test(page.title)) ? 'Chapter' : 'Page'
  const title = `${word} ${Math.max(chapters, session.livePages.length) + 1}`
  const { id } = await session.act({ type: 'add_page', title, ...(session.page ? { after: session.page } : {}) })
  // The document may hear of it a moment after we do.
  for (let tries = 0; id && tries < 40 && !session.pages.some((page) => page.id === id); tries++) await new Promise((done) => setTimeout(done, 50))
  if (id) session.show({ page: id })
}

/** Takes a page off the list; it can be put back from there, or at once. */
export async function removePage(session: Session, page: string): Promise<void> {
  const title = session.pages.find(({ id }) => id === page)?.title ?? ''
  const at = session.livePages.findIndex(({ id }) => id === page)
  const neighbour = session.livePages[at + 1] ?? session.livePages[at - 1]
  await session.act({ type: 'remove_page', page })
  if (session.page === page) session.setPage(neighbour?.id ?? '')
  toast(`“${title || 'Untitled'}” was removed.`, {
    action: { label: 'Undo', run: () => session.act({ type: 'restore_page', page }).then(() => session.setPage(page), () => undefined) },
  })
}

import Bot from '@lucide/svelte/icons/bot'
import BookOpen from '@lucide/svelte/icons/book-open'
import ChartNoAxesColumn from '@lucide/svelte/icons/chart-no-axes-column'
import Download from '@lucide/svelte/icons/download'
import Ear from '@lucide/svelte/icons/ear'
import FileUp from '@lucide/svelte/icons/file-up'
import FilePlus from '@lucide/svelte/icons/file-plus'
import Focus from '@lucide/svelte/icons/focus'
import Inbox from '@lucide/svelte/icons/inbox'
import History from '@lucide/svelte/icons/history'
import Keyboard from '@lucide/svelte/icons/keyboard'
import Lightbulb from '@lucide/svelte/icons/lightbulb'
import Feather from '@lucide/svelte/icons/feather'
import ListTodo from '@lucide/svelte/icons/list-todo'
import ListTree from '@lucide/svelte/icons/list-tree'
import ListChecks from '@lucide/svelte/icons/list-checks'
import MessageSquare from '@lucide/svelte/icons/message-square'
import PanelLeft from '@lucide/svelte/icons/panel-left'
import Paperclip from '@lucide/svelte/icons/paperclip'
import Plug from '@lucide/svelte/icons/plug'
import RefreshCcwDot from '@lucide/svelte/icons/refresh-ccw-dot'
import ScrollText from '@lucide/svelte/icons/scroll-text'
import Search from '@lucide/svelte/icons/search'
import Share2 from '@lucide/svelte/icons/share-2'
import Square from '@lucide/svelte/icons/square'
import SquarePen from '@lucide/svelte/icons/square-pen'
import SunMoon from '@lucide/svelte/icons/sun-moon'
import Trash2 from '@lucide/svelte/icons/trash-2'
import Users from '@lucide/svelte/icons/users'
import Webhook from '@lucide/svelte/icons/webhook'
import type { Action } from '../actions.svelte'
import { toast } from '../notices.svelte'
import { choose } from '../attachments/choosing.svelte'
import { addFiles } from '../files/adding'
import { agentPath, go, recordPath, taskPath } from '../route.svelte'
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
      skill: 'critique', prompt: 'What works on this page, and what does not?', page: session.page, ...studio.withModel,
    }).catch(() => undefined)

  return [
    { id: 'palette', label: 'Search commands and pages', group: 'View', icon: Search, keys: ['Mod-k'], run: () => (desk.dialog = 'palette') },
    { id: 'chat.ask', label: 'Ask or talk', words: 'chat conversation message agent', group: 'Agents', icon: MessageSquare, keys: ['Ctrl-Alt-c'], run: () => { desk.open('chat'); requestAnimationFrame(() => document.getElementById('composer')?.focus()) } },
    { id: 'agent.who', label: 'Who can help here?', words: 'agents personas choose critic editor researcher help', group: 'Agents', icon: Users, keys: ['Ctrl-Alt-j'], when: () => session.canComment, run: () => (desk.dialog = 'agents') },
    { id: 'round.begin', label: 'Let several agents work on this…', words: 'round draft critique revise alternatives recipe turns together', group: 'Agents', icon: RefreshCcwDot, keys: ['Ctrl-Alt-r'], when: () => session.canComment && session.page !== '', run: () => (desk.dialog = 'round') },
    { id: 'task.begin', label: 'Begin a task…', words: 'work long background research watch review translate schedule every day later', group: 'Agents', icon: ListTodo, keys: ['Ctrl-Alt-k'], when: () => session.canComment, run: () => { desk.task = {}; desk.dialog = 'task' } },
    { id: 'task.continue', label: 'Continue the story: the next scene…', words: 'task draft write novel chapter', group: 'Agents', icon: Feather, when: () => session.canComment && onProse(session), run: () => continueStory(session, desk) },
    { id: 'task.panel', label: 'Tasks of this canvas', words: 'work running schedule waiting progress', group: 'Agents', icon: ListTodo, run: () => desk.toggle('tasks') },
    { id: 'task.board', label: 'Tasks of all canvases', words: 'board work running schedule', group: 'Canvas', icon: ListTodo, run: () => go(taskPath()) },
    { id: 'agent.list', label: 'Agents of this studio', words: 'personas edit make import share', group: 'Agents', icon: Bot, run: () => go(agentPath()) },
    { id: 'canvas.listen', label: session.doc.getMap('meta').get('listening') === 'off' ? 'Let agents answer when they are mentioned' : 'Let agents answer only when they are asked directly', words: 'listening triggers mention quiet silence', group: 'Agents', icon: Ear, when: () => session.isOwner, run: () => session.act({ type: 'listen', on: session.doc.getMap('meta').get('listening') === 'off' }).then(() => toast(session.doc.getMap('meta').get('listening') === 'off' ? 'Agents answer here only when they are asked directly.' : 'Agents answer here when they are mentioned.'), () => undefined) },
    { id: 'agent.critique', label: 'Ask for a critique of this page', words: 'feedback review comments', group: 'Agents', icon: ScrollText, when: () => session.canComment && session.page !== '', run: critique },
    { id: 'agent.stop', label: `Stop ${agent()}`, words: 'cancel agents runs', group: 'Agents', icon: Square, keys: ['Mod-.'], when: () => session.activeRuns.length > 0, run: () => Promise.all(session.activeRuns.map((run) => session.stop(run))) },
    { id: 'write.suggest', label: session.suggests ? 'Write: what you type is text at once' : 'Suggest: what you type becomes suggestions', words: 'suggesting mode writing track changes propose', group: 'Write', icon: SquarePen, keys: ['Ctrl-Alt-s'], when: () => session.canEdit, run: () => { session.suggest(!session.suggests); session.editor?.focus() } },
    { id: 'page.add', label: 'Add a page', words: 'new chapter file', group: 'Pages', icon: FilePlus, when: () => session.canEdit, run: () => addPage(session) },
    { id: 'page.next', label: 'Go to the next page', group: 'Pages', keys: ['Ctrl-Alt-ArrowDown'], when: () => session.livePages.length > 1, run: () => pageAt(1) },
    { id: 'page.previous', label: 'Go to the previous page', group: 'Pages', keys: ['Ctrl-Alt-ArrowUp'], when: () => session.livePages.length > 1, run: () => pageAt(-1) },
    { id: 'page.remove', label: 'Remove this page', words: 'delete', group: 'Pages', icon: Trash2, when: () => session.canEdit && session.livePages.length > 0, run: () => removePage(session, session.page) },
    { id: 'view.focus', label: desk.focus ? 'Leave focus mode' : 'Focus on the text', words: 'distraction zen full', group: 'View', icon: Focus, keys: ['Mod-\\'], run: () => { desk.focus = !desk.focus; session.editor?.focus() } },
    { id: 'view.pages', label: 'Show or hide the pages', group: 'View', icon: PanelLeft, keys: ['Ctrl-Alt-p'], run: () => desk.toggle('pages') },
    { id: 'view.chat', label: 'Show or hide the conversation', group: 'View', icon: MessageSquare, run: () => desk.toggle('chat') },
    { id: 'view.theme', label: 'Switch between light and dark', words: 'theme night mode', group: 'View', icon: SunMoon, run: () => theme.toggle() },
    { id: 'canvas.save', label: 'Save', words: 'saved', group: 'Canvas', keys: ['Mod-s'], run: () => toast(session.saved ? 'Everything is saved. It always is.' : 'The studio cannot be reached. Your edits are kept in this browser and follow by themselves.') },
    { id: 'canvas.runs', label: 'What agents did here', words: 'runs steps tokens cost', group: 'Agents', icon: ListTree, run: () => (desk.dialog = 'runs') },
    { id: 'canvas.taste', label: 'What agents learn here', words: 'taste memory examples decisions forget', group: 'Agents', icon: Lightbulb, run: () => (desk.dialog = 'taste') },
    { id: 'canvas.connect', label: 'Connect an agent of another program', words: 'mcp claude code cursor codex token api', group: 'Canvas', icon: Plug, when: () => session.isOwner, run: () => (desk.dialog = 'connect') },
    { id: 'canvas.rename', label: 'Rename the canvas', words: 'title', group: 'Canvas', icon: SquarePen, when: () => session.isOwner, run: () => document.getElementById('canvas-title')?.focus() },
    { id: 'canvas.share', label: 'Share', words: 'invite link people', group: 'Canvas', icon: Share2, when: () => session.isOwner, run: () => (desk.dialog = 'share') },
    { id: 'canvas.budget', label: 'Review budget', words: 'policy policies auto accept audit agents', group: 'Review', icon: ListChecks, run: () => (desk.dialog = 'budget') },
    { id: 'canvas.history', label: 'History', words: 'versions timeline restore branch undo back time', group: 'Canvas', icon: History, keys: ['Ctrl-Alt-h'], run: () => (desk.history = !desk.history) },
    { id: 'canvas.export', label: 'Download…', words: 'export save file word docx pdf epub markdown odt html fountain', group: 'Canvas', icon: Download, run: () => (desk.dialog = 'download') },
    { id: 'canvas.file', label: 'Add a file beside the pages…', words: 'upload attach pdf book csv picture image attachment', group: 'Canvas', icon: Paperclip, when: () => session.canEdit, run: () => { desk.open('pages'); choose(session) } },
    { id: 'canvas.import', label: 'Add pages from files…', words: 'import open word docx markdown upload', group: 'Canvas', icon: FileUp, when: () => session.canEdit, run: () => addFiles(session) },
    { id: 'canvas.inbox', label: 'Go to the inbox', words: 'review waiting suggestions questions', group: 'Canvas', icon: Inbox, run: () => go('/inbox') },
    { id: 'canvas.record', label: 'Record: what became of suggestions', words: 'ledger statistics accepted rejected survived agents', group: 'Review', icon: ChartNoAxesColumn, run: () => go(recordPath(session.id)) },
    { id: 'canvas.webhooks', label: 'Webhooks', words: 'integration notify http events', group: 'Canvas', icon: Webhook, when: () => session.isOwner, run: () => (desk.dialog = 'webhooks') },
    { id: 'canvas.library', label: 'Go to the library', words: 'home canvases', group: 'Canvas', icon: BookOpen, run: () => go('/') },
    { id: 'help', label: 'Keys and help', words: 'shortcuts keyboard', group: 'Canvas', icon: Keyboard, keys: ['?', 'F1'], run: () => (desk.dialog = 'help') },
  ]
}

const onProse = (session: Session): boolean => session.livePages.some(({ id, kind }) => id === session.page && kind === 'prose')

/** The next scene after the page that is open, as a task. */
export function continueStory(session: Session, desk: Desk, page: string = session.page): void {
  desk.task = { kind: 'continue-story', given: { page } }
  desk.dialog = 'task'
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

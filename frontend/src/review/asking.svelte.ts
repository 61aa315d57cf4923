/** What a person can ask of an agent from the text: on a selection, or at the caret. */
import { EditorView } from '@codemirror/view'
import type * as Y from 'yjs'
import type { Agent } from '../agents/agents'
import type { Ask } from '../api'
import { passage, spot } from '../editor/passage'
import { Remembered } from '../remembered.svelte'
import type { Session } from '../session.svelte'
import { studio } from '../studio.svelte'

export type Panel = 'bar' | 'who' | 'rewrite' | 'tone' | 'ask' | 'brainstorm'

export interface Request { skill: NonNullable<Ask['skill']>; prompt: string; /** Said in a person's own words, so that an agent that works in steps may do it in its own way. */ free?: boolean; options?: Record<string, unknown>; say?: boolean }

export const REWRITES: { label: string; how: string }[] = [
  { label: 'Shorten', how: 'shorten' },
  { label: 'Expand', how: 'expand' },
  { label: 'Simplify', how: 'simplify' },
  { label: 'Fix spelling and grammar', how: 'fix' },
]
export const TONES = ['warmer', 'more formal', 'plainer', 'more tense', 'more playful', 'more vivid']

export class Asking {
  /** What the floating menu shows; null when it is closed. */
  panel = $state<Panel | null>(null)
  /** Whether it was opened by keyboard, and so takes the focus. */
  focused = $state(false)
  /** Whether there is a passage, or only a place. */
  selected = $state(false)
  /** Where it stands in the scrolled area. */
  at = $state.raw({ left: 0, top: 0, bottom: 0, height: 0 })

  readonly #chosen = new Remembered<string>('asked-agent', '')
  /** Who is asked about the text. */
  readonly agent: Agent = $derived(studio.agent(this.#chosen.value) ?? studio.agents[0] ?? { id: 'co-author', name: 'Co-author', color: '#9048fc', skills: [] })

  view: EditorView | null = null

  constructor(
    readonly session: Session,
    readonly page: string,
    readonly text: Y.Text,
    /** Brings the conversation onto the screen: that is where answers arrive. */
    readonly onanswer: () => void,
  ) {}

  open(panel: Panel, focused: boolean): void {
    const { view, session } = this
    if (!view || !session.canComment) return
    this.selected = !view.state.selection.main.empty
    this.#place(view)
    this.focused = focused
    this.panel = panel
  }

  /** Whether an agent does this. Of one that nothing is known of yet everything is expected. */
  can(skill: Request['skill'], agent = this.agent): boolean {
    return !agent.skills.length || agent.skills.some(({ name }) => name === skill)
  }

  choose(agent: string): void {
    this.#chosen.value = agent
  }

  close(refocus = false): void {
    if (!this.panel) return
    this.panel = null
    if (refocus) this.view?.focus()
  }

  #place(view: EditorView): void {
    const { scrollDOM } = view
    const { from, to, head } = view.state.selection.main
    const window = scrollDOM.getBoundingClientRect()
    const first = view.coordsAtPos(from, 1)
    const last = view.coordsAtPos(to, -1)
    const at = view.coordsAtPos(head, head === from ? 1 : -1) ?? first ?? last
    const x = (px: number) => px - window.left + scrollDOM.scrollLeft
    const y = (px: number) => px - window.top + scrollDOM.scrollTop
    this.at = {
      left: x(at?.left ?? window.left + 40),
      top: y(Math.max(first?.top ?? window.top, window.top + 8)),
      bottom: y(Math.min(last?.bottom ?? window.bottom, window.bottom - 8)),
      height: scrollDOM.clientHeight,
    }
  }

  /** Sends a request about the selection, or about the place of the caret. */
  async ask({ skill, prompt, options, say, free = false }: Request): Promise<void> {
    const { view, session, page, text } = this
    if (!view) return
    const { main } = view.state.selection
    const place = main.empty || skill === 'continue'
      ? spot(view.state, text, page, main.to)
      : passage(view.state, text, page, main.from, main.to)
    // A key may ask for what the chosen one does not do: then somebody else does it.
    const agent = this.can(skill) ? this.agent : (studio.agents.find((one) => this.can(skill, one)) ?? this.agent)
    this.close(true)
    view.dispatch({ effects: EditorView.announce.of('Asked. What the agent makes will come as a suggestion.') })
    if (say) this.onanswer()
    try {
      const model = studio.modelOf(agent)
      const steps = free && model?.tools && !model.small
      await session.ask({ ...(steps ? {} : { skill }), prompt, ...place, ...(options && !steps ? { options } : {}), ...(say === undefined ? {} : { say }), agent: agent.id, ...studio.withModel })
    } catch {
      // The session has told the person why.
    }
  }

  // Where the skill says it all, nothing is added to it: an agent's own wording is better than ours.
  readonly continueHere = (): Promise<void> => this.ask({ skill: 'continue', prompt: '' })
  readonly rewrite = (how: string, options: Record<string, unknown> = {}): Promise<void> =>
    this.ask({ skill: 'rewrite', prompt: '', options: { how, ...options } })
  readonly rewriteAs = (prompt: string): Promise<void> => this.ask({ skill: 'rewrite', prompt, options: { how: 'free' }, free: true })
  readonly critique = (): Promise<void> => this.ask({ skill: 'critique', prompt: '' })
  readonly brainstorm = (prompt = ''): Promise<void> => this.ask({ skill: 'brainstorm', prompt, say: true })
  readonly question = (prompt: string): Promise<void> => this.ask({ skill: 'ask', prompt, say: true, free: true })
}

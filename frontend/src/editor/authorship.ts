/** Who wrote what: a tint under what agents wrote and what other people wrote, when it is asked for. */
import { type Extension, type Range, StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView } from '@codemirror/view'
import type { Kind } from '../api'
import { fail } from '../notices.svelte'
import type { Session } from '../session.svelte'
import { studio } from '../studio.svelte'

/** A run of a page's text in code points, and who wrote it ("" where it is not known). */
export interface Run { start: number; length: number; participant: string }
export interface Writer { name: string; kind: Kind; color: string }

const setRuns = StateEffect.define<DecorationSet>()
const runs = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, tr) {
    value = value.map(tr.changes)
    for (const effect of tr.effects) if (effect.is(setRuns)) value = effect.value
    return value
  },
  provide: (field) => EditorView.decorations.from(field),
})

/** Offsets of the server (code points) as offsets of the editor (UTF-16), in one walk through the text. */
export function inUtf16(text: string, list: readonly Run[]): { from: number; to: number; participant: string }[] {
  let points = 0
  let units = 0
  const to = (point: number) => {
    while (points < point && units < text.length) {
      units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1
      points++
    }
    return units
  }
  return list.map(({ start, length, participant }) => ({ from: to(start), to: to(start + length), participant }))
}

/** How long after the last edit the tint is brought up to date, in milliseconds. */
const LATER = 1500

export class Authorship {
  view: EditorView | null = null
  #shown = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    readonly session: Session,
    readonly page: string,
  ) {}

  set shown(shown: boolean) {
    if (shown === this.#shown) return
    this.#shown = shown
    if (shown) void this.refresh()
    else this.view?.dispatch({ effects: setRuns.of(Decoration.none) })
  }

  readonly extension: Extension = [
    runs,
    EditorView.updateListener.of((update) => {
      if (!this.#shown || !update.docChanged) return
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => void this.refresh(), LATER)
    }),
  ]

  async refresh(): Promise<void> {
    const { view, session } = this
    if (!view) return
    try {
      const response = await fetch(`/api/canvases/${encodeURIComponent(session.id)}/pages/${encodeURIComponent(this.page)}/authors`)
      if (!response.ok) throw new Error('The studio could not say who wrote what.')
      const { runs: list } = (await response.json()) as { runs: Run[] }
      // Somebody may have typed meanwhile; then a later look will be right.
      if (this.view === view && this.#shown) view.dispatch({ effects: setRuns.of(this.#decorate(view, list)) })
    } catch (error) {
      fail(error)
    }
  }

  #decorate(view: EditorView, list: Run[]): DecorationSet {
    const known = this.#writers()
    const marks: Range<Decoration>[] = []
    for (const { from, to, participant } of inUtf16(view.state.sliceDoc(), list)) {
      const writer = known.get(participant)
      // One's own words and those of nobody in particular (imported, long ago) stay as they are.
      if (to <= from || !writer || participant === this.session.me.id) continue
      marks.push(
        Decoration.mark({
          class: writer.kind === 'agent' ? 'by-agent' : 'by-other',
          attributes: { title: `Written by ${writer.name}`, style: `--who:${writer.color}` },
        }).range(from, to),
      )
    }
    return Decoration.set(marks, true)
  }

  /** Everybody that this page knows of, also those who are not here now. */
  #writers(): Map<string, Writer> {
    const { suggestions, threads, chat, people } = this.session
    const known = new Map<string, Writer>(studio.agents.map(({ id, name, color }) => [id, { name, color, kind: 'agent' }]))
    for (const { author, name, author_kind, color } of [...suggestions, ...threads, ...chat]) known.set(author, { name, kind: author_kind, color })
    for (const { id, name, kind, color } of people) known.set(id, { name, kind, color })
    return known
  }
}

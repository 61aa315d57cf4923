/** Files that somebody dropped or chose, before it is said what they are to become. */
import { api } from '../api'
import { fail, toast } from '../notices.svelte'
import type { Session } from '../session.svelte'
import { amount } from '../text/ago'
import { attachmentsOf } from './attachments.svelte'
import { likely, mayBePage, type Where } from './files'

export interface Chosen { file: File; where: Where; free: boolean }

class Choosing {
  chosen = $state.raw<Chosen[]>([])
}
export const choosing = new Choosing()

/** Ask what files are to become; those that can only lie beside the pages are not asked about. */
export function offer(session: Session, files: File[]): void {
  if (!session.canEdit || !files.length) return
  const all = files.map((file) => ({ file, where: likely(file), free: mayBePage(file.name) }))
  if (all.every(({ free }) => !free)) void attachmentsOf(session).add(files)
  else choosing.chosen = all
}

export function choose(session: Session): void {
  const picker = document.createElement('input')
  picker.type = 'file'
  picker.multiple = true
  picker.onchange = () => offer(session, [...(picker.files ?? [])])
  picker.click()
}

/** Do what was chosen. */
export async function bring(session: Session, chosen: Chosen[]): Promise<void> {
  choosing.chosen = []
  const pages = chosen.filter(({ where }) => where === 'page').map(({ file }) => file)
  const files = chosen.filter(({ where }) => where === 'file').map(({ file }) => file)
  void attachmentsOf(session).add(files)
  if (!pages.length) return
  try {
    const made = await api.importPages(session.id, pages)
    const open = made.suggestions ? ` with ${amount(made.suggestions, 'suggestion')}` : ''
    toast([`${amount(made.pages.length, 'page')}${open} added.`, ...(made.notes ?? [])].join(' '))
    if (made.pages[0]) session.setPage(made.pages[0].id)
  } catch (error) {
    fail(error)
  }
}

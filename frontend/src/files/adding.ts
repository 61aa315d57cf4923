import { api } from '../api'
import { fail, toast } from '../notices.svelte'
import type { Session } from '../session.svelte'
import { amount } from '../text/ago'
import { BROUGHT } from './formats'

/** Choose files and add them to the canvas as pages, with what is open in them. */
export function addFiles(session: Session): void {
  const picker = document.createElement('input')
  picker.type = 'file'
  picker.multiple = true
  picker.accept = BROUGHT
  picker.onchange = () => void add(session, [...(picker.files ?? [])])
  picker.click()
}

async function add(session: Session, files: File[]): Promise<void> {
  if (!files.length) return
  try {
    const made = await api.importPages(session.id, files)
    const open = made.suggestions ? ` with ${amount(made.suggestions, 'suggestion')}` : ''
    toast([`${amount(made.pages.length, 'page')}${open} added.`, ...(made.notes ?? [])].join(' '))
    if (made.pages[0]) session.setPage(made.pages[0].id)
  } catch (error) {
    fail(error)
  }
}

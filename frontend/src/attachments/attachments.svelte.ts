/** The files beside the pages of one open canvas: what is listed, what is on its way, and which one is looked at. */
import { ApiError, send } from '../api'
import { announce, fail, toast } from '../notices.svelte'
import type { Session } from '../session.svelte'
import type { Cited, FileInfo, Found, Listed, Section } from './files'

/** A file on its way to the studio. */
export interface Upload { key: number; name: string; /** Of its bytes, those that have gone; 1 while it is read. */ sent: number; error: { message: string; hint: string } | null; again: () => void; stop: () => void }

const LARGEST = 50 * 2 ** 20

export class Attachments {
  list = $state.raw<Listed[]>([])
  uploads = $state.raw<Upload[]>([])
  /** The file that is looked at, and where. */
  open = $state.raw<Cited | null>(null)
  #next = 1
  readonly #at: string

  constructor(readonly session: Session) {
    this.#at = `/api/canvases/${encodeURIComponent(session.id)}/attachments`
    const root = session.doc.getMap<string>('attachments')
    const show = () => {
      this.list = [...root.entries()].flatMap(([id, told]) => {
        try {
          return [{ id, ...(JSON.parse(told) as Omit<Listed, 'id'>) }]
        } catch {
          return []
        }
      }).sort((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1))
      if (this.open && !this.list.some(({ id }) => id === this.open?.id)) this.open = null
    }
    root.observe(show)
    show()
  }

  nameOf = (id: string): string => this.list.find((file) => file.id === id)?.name ?? ''
  dataUrl = (id: string, inline = false): string => `${this.#at}/${id}/data${inline ? '?inline=true' : ''}`

  info = (id: string) => send<FileInfo>('GET', `${this.#at}/${id}`)
  sections = async (id: string, from: number, to: number) => (await send<{ sections: Section[] }>('GET', `${this.#at}/${id}/sections?from=${from}&to=${to}`)).sections
  find = (id: string, quote: string) => send<Found>('GET', `${this.#at}/${id}/find?${new URLSearchParams({ quote })}`)

  /** Bring files; gives those that arrived. What goes wrong is shown with the file. */
  async add(files: File[]): Promise<FileInfo[]> {
    const come = await Promise.all(files.map((file) => this.#add(file)))
    return come.filter((file) => file !== null)
  }

  async #add(file: File): Promise<FileInfo | null> {
    const key = this.#next++
    const upload: Upload = { key, name: file.name, sent: 0, error: null, again: () => undefined, stop: () => this.#drop(key) }
    this.uploads = [...this.uploads, upload]
    try {
      const made = await this.#send(file, key)
      this.#drop(key)
      announce(`${made.name} is here.`)
      if (made.problems.length) toast(`${made.name}: ${made.problems[0]}`)
      return made
    } catch (error) {
      const { message, hint } = error instanceof ApiError ? error : { message: `${file.name} did not arrive.`, hint: 'Try again.' }
      this.#change(key, { error: { message, hint }, again: () => { this.#drop(key); void this.#add(file) } })
      announce(message)
      return null
    }
  }

  /** `fetch` does not tell how much has gone. */
  #send(file: File, key: number): Promise<FileInfo> {
    if (file.size > LARGEST) return Promise.reject(new ApiError('too_large', `${file.name} is larger than 50 MB.`, 'Divide it, or leave out its pictures.'))
    return new Promise((done, refuse) => {
      const line = new XMLHttpRequest()
      line.open('POST', this.#at)
      line.responseType = 'json'
      line.upload.onprogress = ({ loaded, total }) => this.#change(key, { sent: total ? loaded / total : 0 })
      line.upload.onload = () => this.#change(key, { sent: 1 })
      line.onload = () => {
        if (line.status < 300) return done(line.response as FileInfo)
        const error = (line.response as { error?: { code: string; message: string; hint: string } } | null)?.error
        refuse(new ApiError(error?.code ?? 'failed', error?.message ?? `The studio answered ${line.status}.`, error?.hint ?? 'Try again.', line.status))
      }
      line.onerror = () => refuse(new ApiError('unreachable', 'The studio cannot be reached.', 'Try again when the line is back.'))
      this.#change(key, { stop: () => { line.abort(); this.#drop(key) } })
      const form = new FormData()
      form.append('file', file, file.name)
      line.send(form)
    })
  }

  #change(key: number, change: Partial<Upload>): void {
    this.uploads = this.uploads.map((upload) => (upload.key === key ? { ...upload, ...change } : upload))
  }
  #drop(key: number): void {
    this.uploads = this.uploads.filter((upload) => upload.key !== key)
  }

  /** Take a file away. It is kept here for a moment, so that it can be put back: then it is the same file again. */
  async remove(file: Listed): Promise<void> {
    try {
      const copy = await fetch(this.dataUrl(file.id), { credentials: 'same-origin' }).then((answer) => (answer.ok ? answer.blob() : null)).catch(() => null)
      await send<void>('DELETE', `${this.#at}/${file.id}`)
      const undo = copy && { action: { label: 'Undo', run: () => void this.add([new File([copy], file.name, { type: file.type })]) } }
      toast(`“${file.name}” was removed for everybody.`, undo ?? {})
    } catch (error) {
      fail(error)
    }
  }
}

const known = new WeakMap<Session, Attachments>()

export function attachmentsOf(session: Session): Attachments {
  let found = known.get(session)
  if (!found) known.set(session, (found = new Attachments(session)))
  return found
}

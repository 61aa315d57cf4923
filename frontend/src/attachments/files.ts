/** What a file is good for, by its name, and how it is written in a page. Nothing here meets a studio. */

/** A file beside the pages, as everybody sees it listed. */
export interface Listed { id: string; name: string; type: string; size: number; at: number }

/** All that the studio knows of a file. An outline's line is `[level, title, section]`. */
export interface FileInfo extends Listed {
  title: string
  participant: string
  kind?: string
  words: number
  sections: number
  outline: [number, string, number][]
  problems: string[]
  pages?: number
  width?: number
  height?: number
  tables?: { name: string; rows: number; columns: { name: string; type: string }[]; first: string[][] }[]
}

export interface Section { n: number; title: string; place: string; text: string }
export interface Found { found: boolean; place?: string; exact?: boolean; section?: number; start?: number; last?: number; end?: number }

/** Where a message's quote stands in a file. */
export interface Cited { id: string; section?: number; quote?: string }

export type Where = 'page' | 'file'

const PAGES = /\.(md|markdown|mdown|txt|text|docx|odt|epub|rtf|html?|fountain|spmd|fdx|csv|tsv|json|py|js|ts|css|sql|sh|ya?ml|toml|tex)$/i
const WORKED_ON = /\.(md|markdown|mdown|fountain|spmd|fdx|docx|odt|rtf)$/i
const LARGE = 300_000 // bytes of a text that is more likely to be read than to be written on

/** Whether a file can become a page that is written on. */
export const mayBePage = (name: string): boolean => PAGES.test(name)

/** What somebody most likely wants with a file: drafts become pages, everything else lies beside them. */
export function likely({ name, size }: { name: string; size: number }): Where {
  if (!mayBePage(name)) return 'file'
  if (WORKED_ON.test(name)) return size > 20 * LARGE ? 'file' : 'page'
  return /\.(txt|text)$/i.test(name) && size <= LARGE ? 'page' : 'file'
}

export const isPicture = (type: string): boolean => /^image\/(png|jpeg|gif|webp)$/.test(type)

export function bytes(size: number): string {
  if (size < 1000) return `${size} bytes`
  if (size < 1_000_000) return `${Math.round(size / 1000)} kB`
  return `${(size / 1_000_000).toFixed(size < 10_000_000 ? 1 : 0)} MB`
}

/** A picture as it is written in a page. */
export const written = (name: string, id: string): string => `![${name.replace(/\.[^.]*$/, '').replace(/[[\]\\]/g, ' ').trim()}](attachment:${id})`

/** The id of the file that an address in a page names, or ''. */
export const idOf = (address: string): string => /^<?attachment:([0-9a-f]{16})>?$/.exec(address)?.[1] ?? ''

/** A text around a passage: before it, the passage, after it. White space and marks may differ from what is quoted. */
export function around(text: string, quote: string): [string, string, string] | null {
  const exact = text.indexOf(quote)
  if (exact >= 0) return [text.slice(0, exact), quote, text.slice(exact + quote.length)]
  const parts = quote.trim().split(/[\s*_\\]+/).map((word) =>
    word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/['’‘]/g, "['’‘]").replace(/["“”]/g, '["“”]').replace(/[-‐‑–—]/g, '[-‐‑–—]'))
  if (!parts.length || parts.length > 200) return null
  const found = new RegExp(parts.join('[\\s*_\\\\]+')).exec(text)
  return found ? [text.slice(0, found.index), found[0], text.slice(found.index + found[0].length)] : null
}

import { fail } from '../notices.svelte'

/** Styles that did not arrive. Vite asks for each only once, so without this a part would come without its looks ever after. */
const missing = new Set<string>()
let loading = 0

addEventListener('vite:preloadError', (event) => {
  const sheet = /^Unable to preload CSS for (\S+)$/.exec((event as Event & { payload?: Error }).payload?.message ?? '')?.[1]
  if (!sheet || !loading) return
  missing.add(sheet)
  event.preventDefault()
})

async function dress(): Promise<void> {
  for (const sheet of missing) {
    await new Promise((done, failed) => {
      const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: sheet, onload: done, onerror: failed })
      document.head.append(link)
    })
    missing.delete(sheet)
  }
}

/**
 * A part of the page that is loaded when somebody wants it. Where it cannot be had it says why, and `putAway` takes back
 * what asked for it, so that the next try is a new one; nothing comes then.
 */
export async function part<T>(load: () => Promise<T>, putAway: () => void): Promise<T> {
  loading++
  try {
    const found = await load()
    await dress()
    return found
  } catch {
    fail({ message: 'This part of the page could not be loaded.', hint: 'The line is down, or the studio was updated: try again, or reload the page.' })
    putAway()
    return new Promise<T>(() => undefined)
  } finally {
    loading--
  }
}

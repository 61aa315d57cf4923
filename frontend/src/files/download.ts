import { api } from '../api'

/** Have a file made and kept by the browser. Gives what could not be put into it. */
export async function download(canvas: string, query: Record<string, string>): Promise<string> {
  const { blob, name, notes } = await api.exportFile(canvas, query)
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  // The browser needs the address until it has begun to read.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
  return notes
}

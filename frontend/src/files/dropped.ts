/** Files that were dropped, with those in dropped folders: each under its path there. */

export async function dropped(transfer: DataTransfer | null): Promise<File[]> {
  if (!transfer) return []
  // The entries must be asked for at once: after the first wait the list is empty.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null)
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files]
  const files: File[] = []
  for (const entry of entries) if (entry) await gather(entry, files)
  return files
}

const MOST = 2000

async function gather(entry: FileSystemEntry, files: File[]): Promise<void> {
  if (files.length >= MOST || (entry.name.startsWith('.') && entry.name !== '.studiolo')) return
  if (entry.isFile) {
    const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail))
    files.push(new File([file], entry.fullPath.replace(/^\//, ''), { type: file.type }))
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail))
    if (!some.length) return
    for (const one of some) await gather(one, files)
  }
}

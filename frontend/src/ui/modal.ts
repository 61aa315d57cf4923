/** Attach to a `<dialog>` that exists while it is open: shows it, and gives the focus back when it goes, however it goes. */
export function modal(dialog: HTMLDialogElement): () => void {
  const before = document.activeElement
  dialog.showModal()
  return () => {
    if (dialog.open) dialog.close()
    const lost = !document.activeElement || document.activeElement === document.body || dialog.contains(document.activeElement)
    if (lost && before instanceof HTMLElement && before.isConnected) before.focus()
  }
}

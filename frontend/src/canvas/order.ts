/** The page to put a page after, as the `move_page` action takes it: null is the front, undefined is no change. */

export function afterStep(ids: readonly string[], id: string, by: 1 | -1): string | null | undefined {
  const at = ids.indexOf(id)
  if (at < 0 || at + by < 0 || at + by >= ids.length) return undefined
  return by === 1 ? ids[at + 1] : (ids[at - 2] ?? null)
}

/** `gap` is where it was dropped: 0 before the first page, `ids.length` after the last. */
export function afterDrop(ids: readonly string[], id: string, gap: number): string | null | undefined {
  const at = ids.indexOf(id)
  if (at < 0 || gap === at || gap === at + 1) return undefined
  return gap === 0 ? null : ids[gap - 1]
}

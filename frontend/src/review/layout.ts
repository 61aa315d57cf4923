/** Where the cards of the margin stand: each beside its line, none over another, the selected one exactly in place. */

export interface Wish { id: string; top: number; height: number }

/**
 * Tops by id. Cards are pushed down by those before them; around the `active` card the ones before it are pushed up
 * instead, but never above `ceiling`.
 */
export function stack(wishes: readonly Wish[], active: string | undefined, gap = 8, ceiling = 0): Map<string, number> {
  const tops = wishes.map((wish) => Math.max(wish.top, ceiling))
  const fixed = wishes.findIndex((wish) => wish.id === active)
  // Upwards from the active card, then everything downwards: the second pass also mends what hit the ceiling.
  for (let i = fixed - 1; i >= 0; i--) tops[i] = Math.min(tops[i]!, tops[i + 1]! - gap - wishes[i]!.height)
  let floor = ceiling
  wishes.forEach((wish, i) => {
    tops[i] = Math.max(tops[i]!, floor)
    floor = tops[i]! + wish.height + gap
  })
  return new Map(wishes.map((wish, i) => [wish.id, tops[i]!]))
}

/** Those whose place is within `margin` of the window `from..to`: the others need not be in the page. */
export function near<T extends Wish>(wishes: readonly T[], tops: ReadonlyMap<string, number>, from: number, to: number, margin: number): T[] {
  return wishes.filter((wish) => {
    const top = tops.get(wish.id) ?? wish.top
    return top + wish.height > from - margin && top < to + margin
  })
}

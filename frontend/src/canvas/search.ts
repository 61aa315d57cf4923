/**
 * Finds what a few typed letters mean. Every typed word must be found; a word's start counts more than its middle, the
 * label more than the other words, and letters in order but apart ("ftp" for "focus the page") count least.
 */
export function rank<T>(items: readonly T[], query: string, fields: (item: T) => [label: string, more: string]): T[] {
  const wanted = fold(query).split(/\s+/).filter(Boolean)
  const scored = items.flatMap((item) => {
    const [label, more] = fields(item)
    let total = 0
    for (const word of wanted) {
      const score = Math.max(match(fold(label), word), match(fold(more), word) / 2)
      if (!score) return []
      total += score
    }
    return [{ item, total: total - label.length / 1000 }]
  })
  return scored.sort((a, b) => b.total - a.total).map(({ item }) => item)
}

const fold = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

function match(text: string, word: string): number {
  if (text.startsWith(word)) return 10
  if (text.split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(word))) return 8
  if (text.includes(word)) return 4
  let at = -1
  for (const letter of word) {
    at = text.indexOf(letter, at + 1)
    if (at < 0) return 0
  }
  return word.length > 1 ? 1 : 0
}

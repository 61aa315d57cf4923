import { flushSync } from 'svelte'
import { expect, it, vi } from 'vitest'
import { lasting } from './lasting.svelte'

class Shelf {
  books = $state(0)
  readonly full = $derived(this.books > 1)
}

/** Makes something where a component would, and takes the component away. */
function orphan(make: () => Shelf): Shelf {
  let made: Shelf
  const stop = $effect.root(() => {
    made = make()
    $effect(() => void made.full)
  })
  flushSync()
  stop()
  return made!
}

it('is right after its component is gone', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const [kept, lost] = [orphan(() => lasting(() => new Shelf())), orphan(() => new Shelf())]
  for (const shelf of [kept, lost]) shelf.books = 2
  expect(kept.full).toBe(true)
  expect(warn).not.toHaveBeenCalled()
  // Why there is such a thing at all. When this fails, Svelte has learnt it, and `lasting` can go.
  expect(lost.full).toBe(false)
  expect(warn).toHaveBeenCalled()
  warn.mockRestore()
})

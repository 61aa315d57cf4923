import { expect, it, vi } from 'vitest'
import { notices } from '../notices.svelte'
import { part } from './part'

/** What Vite does where a style sheet does not come. */
const lacks = (sheet: string): boolean => {
  const event = Object.assign(new Event('vite:preloadError', { cancelable: true }), { payload: new Error(`Unable to preload CSS for ${sheet}`) })
  return dispatchEvent(event)
}
const sheets = () => [...document.head.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]')].map((link) => link.getAttribute('href'))

it('a part that does not come says so and is put away', async () => {
  const putAway = vi.fn()
  const came = vi.fn()
  void part(() => Promise.reject(new TypeError('Failed to fetch')), putAway).then(came, came)
  await vi.waitFor(() => expect(putAway).toHaveBeenCalledOnce())
  expect(notices.shown.at(-1)?.text).toContain('could not be loaded')
  expect(came).not.toHaveBeenCalled()
})

it('a part that comes is given as it is', async () => {
  expect(await part(() => Promise.resolve(7), () => undefined)).toBe(7)
  expect(lacks('/assets/Other.css'), 'what nobody asked for here is not our business').toBe(true)
  expect(sheets()).toEqual([])
})

it('looks that did not come with it the first time come with the second', async () => {
  const putAway = vi.fn()
  void part(() => (lacks('/assets/Begin.css'), Promise.reject(new TypeError('Failed to fetch'))), putAway)
  await vi.waitFor(() => expect(putAway).toHaveBeenCalledOnce())
  const second = part(() => Promise.resolve('here'), putAway)
  await vi.waitFor(() => expect(sheets()).toEqual(['/assets/Begin.css']))
  document.head.querySelector('link')!.dispatchEvent(new Event('load'))
  expect(await second).toBe('here')
  expect(putAway).toHaveBeenCalledOnce()
})

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { studio } from './studio.svelte'

const answers = (...names: string[]) => {
  const left = [...names]
  vi.stubGlobal('fetch', vi.fn(() => Promise.resolve(new Response(JSON.stringify({ agents: [{ id: left[0], name: left.shift() }] })))))
}

beforeEach(() => vi.useFakeTimers())
afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

it('looks for agents again after two seconds where it has looked just now, and once for all who asked meanwhile', async () => {
  answers('co-author', 'odd-sister', 'nobody')
  await studio.lookForAgents()
  studio.freshAgents()
  studio.freshAgents()
  await vi.advanceTimersByTimeAsync(1900)
  expect(studio.agents.map(({ id }) => id)).toEqual(['co-author'])
  await vi.advanceTimersByTimeAsync(200)
  expect(studio.agents.map(({ id }) => id)).toEqual(['odd-sister'])
  await vi.advanceTimersByTimeAsync(10_000)
  expect(fetch).toHaveBeenCalledTimes(2)
})

import { expect, it } from 'vitest'
import { canvasPath, parse } from './route.svelte'

const at = (path: string) => parse(new URL(path, 'http://studio.example'))

it('reads addresses', () => {
  expect(at('/')).toEqual({ name: 'home', setup: '' })
  expect(at('/?setup=abc')).toEqual({ name: 'home', setup: 'abc' })
  expect(at('/join/tok')).toEqual({ name: 'join', token: 'tok' })
  expect(at('/c/x/y')).toEqual({ name: 'canvas', canvas: 'x', page: 'y' })
  expect(at('/c/x/')).toEqual({ name: 'canvas', canvas: 'x', page: '' })
  expect(at('/inbox')).toEqual({ name: 'inbox' })
  expect(at('/inbox/x')).toEqual({ name: 'lost' })
  expect(at('/agents')).toEqual({ name: 'agents', agent: '' })
  expect(at('/agents/critic')).toEqual({ name: 'agents', agent: 'critic' })
  expect(at('/tasks')).toEqual({ name: 'tasks' })
  expect(at('/tasks/t1')).toEqual({ name: 'task', task: 't1' })
  expect(at('/agents/a/b')).toEqual({ name: 'lost' })
  expect(at('/c')).toEqual({ name: 'lost' })
  expect(at('/c/x/y/z')).toEqual({ name: 'lost' })
  expect(at('/c/%E0%A4%A')).toEqual({ name: 'canvas', canvas: '%E0%A4%A', page: '' })
})
it('writes addresses that it can read', () => {
  expect(at(canvasPath('a/b', 'c d?'))).toEqual({ name: 'canvas', canvas: 'a/b', page: 'c d?' })
})

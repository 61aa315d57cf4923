import { flushSync } from 'svelte'
import { describe, expect, it, vi } from 'vitest'
import { type Action, Actions, caps, matches } from './actions.svelte'

const press = (key: string, more: KeyboardEventInit = {}) => new KeyboardEvent('keydown', { key, cancelable: true, ...more })
const action = (id: string, more: Partial<Action> = {}): Action => ({ id, label: id, group: 'View', run: () => undefined, ...more })

describe('matches', () => {
  it('takes Mod as Ctrl where there is no Cmd', () => {
    expect(matches('Mod-k', press('k', { ctrlKey: true }))).toBe(true)
    expect(matches('Mod-k', press('k', { metaKey: true }))).toBe(false)
    expect(matches('Mod-k', press('k'))).toBe(false)
  })
  it('does not take a key with more modifiers than it names', () => {
    expect(matches('Mod-k', press('k', { ctrlKey: true, shiftKey: true }))).toBe(false)
    expect(matches('F8', press('F8', { shiftKey: true }))).toBe(false)
    expect(matches('Shift-F8', press('F8', { shiftKey: true }))).toBe(true)
  })
  it('takes a sign however it is typed', () => {
    expect(matches('?', press('?', { shiftKey: true }))).toBe(true)
    expect(matches('Mod-\\', press('\\', { ctrlKey: true }))).toBe(true)
    expect(matches('Ctrl--', press('-', { ctrlKey: true }))).toBe(true)
  })
  it('finds a letter under Alt by its place on the keyboard', () => {
    expect(matches('Ctrl-Alt-m', press('µ', { ctrlKey: true, altKey: true, code: 'KeyM' }))).toBe(true)
  })
  it('leaves bare letters to whoever writes', () => {
    const field = document.createElement('textarea')
    document.body.append(field)
    const seen: boolean[] = []
    field.addEventListener('keydown', (event) => seen.push(matches('?', event)))
    field.dispatchEvent(press('?'))
    expect(seen).toEqual([false])
  })
})

it('shows keys as caps', () => {
  expect(caps('Mod-Alt-m')).toEqual(['Ctrl', 'Alt', 'M'])
  expect(caps('Mod-\\')).toEqual(['Ctrl', '\\'])
})

describe('Actions', () => {
  it('runs what a key stands for and keeps the key from others', () => {
    const actions = new Actions()
    const run = vi.fn()
    actions.register([action('a', { keys: ['Mod-k'], run })])
    const event = press('k', { ctrlKey: true })
    expect(actions.press(event)).toBe(true)
    expect(run).toHaveBeenCalledOnce()
    expect(event.defaultPrevented).toBe(true)
    expect(actions.press(press('j', { ctrlKey: true }))).toBe(false)
  })
  it('hides what cannot be done now', () => {
    const actions = new Actions()
    let allowed = $state(false)
    actions.register([action('a', { when: () => allowed, keys: ['F8'] })])
    expect(actions.list).toEqual([])
    expect(actions.press(press('F8'))).toBe(false)
    allowed = true
    flushSync()
    expect(actions.list.map(({ id }) => id)).toEqual(['a'])
  })
  it('takes away only what it registered', () => {
    const actions = new Actions()
    const first = actions.register([action('a', { label: 'old' })])
    actions.register([action('a', { label: 'new' })])
    first()
    expect(actions.get('a')?.label).toBe('new')
  })
  it('can be registered from an effect without running it again', () => {
    const actions = new Actions()
    let runs = 0
    const stop = $effect.root(() => {
      $effect(() => {
        runs++
        return actions.register([action('a')])
      })
    })
    flushSync()
    actions.register([action('b')])
    flushSync()
    expect(runs).toBe(1)
    stop()
    expect(actions.list.map(({ id }) => id)).toEqual(['b'])
  })
})

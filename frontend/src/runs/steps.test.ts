import { describe, expect, it } from 'vitest'
import { answered, doing, lasted, money, type Step, summary, told, withStep, written } from './steps'

const step = (n: number, more: Partial<Step> = {}): Step => ({ n, kind: 'tool', title: `Step ${n}`, state: 'done', at: n, seconds: 1, detail: {}, ...more })

describe('steps', () => {
  it('are put in order, and one that comes again takes its own place', () => {
    const steps = [step(1), step(3)].reduce(withStep, [] as Step[])
    expect(withStep(steps, step(2)).map(({ n }) => n)).toEqual([1, 2, 3])
    expect(withStep(steps, step(3, { title: 'Changed' })).map(({ title }) => title)).toEqual(['Step 1', 'Changed'])
  })
  it('say what is being done: what it reads, rather than that it thinks', () => {
    expect(doing([step(1), step(2, { kind: 'model', state: 'running', title: 'Thinks' })])).toBe('Thinks')
    expect(doing([step(1, { state: 'running', title: 'Reads' }), step(2, { kind: 'model', state: 'running', title: 'Thinks' })])).toBe('Reads')
    expect(doing([step(1)])).toBe('')
  })
  it('are told without the requests between them, but for one that failed', () => {
    expect(told([step(1, { kind: 'model' }), step(2), step(3, { kind: 'model', state: 'failed' })]).map(({ n }) => n)).toEqual([2, 3])
  })
})

describe('what it came to', () => {
  it('leaves out what is not known', () => {
    expect(summary(7, { input_tokens: 12_000, output_tokens: 400, cost: 0.031, currency: 'USD' })).toBe('7 steps, 12,400 tokens, 0.03 USD')
    expect(summary(1, { cost: null })).toBe('1 step')
    expect(summary(0, undefined)).toBe('')
  })
  it('shows small sums, and no sum as what it is', () => {
    expect(money(0.0004)).toBe('0.0004 USD')
    expect(money(0)).toBe('0.00 USD')
    expect(money(undefined)).toBe('')
  })
  it('says how long it took', () => {
    expect([0.2, 3.21, 42, 61, 3_700].map(lasted)).toEqual(['200 ms', '3.2 s', '42 s', '1 min 1 s', '1 h 1 min'])
  })
})

it('writes the values of a call out', () => {
  expect(written({ url: 'https://a.example', deep: { a: 1 } })).toEqual([['url', 'https://a.example'], ['deep', '{\n "a": 1\n}']])
})

it('says who answered, and what', () => {
  const card = { run: 'r', call: 'c', kind: 'question' as const, question: '?' }
  expect(answered({ ...card, answer: 'answered', name: 'Ben', text: 'Red' })).toBe('Ben: Red')
  expect(answered({ ...card, answer: 'no', name: 'Ann', text: 'Not today.' })).toBe('Ann did not allow it: “Not today.”')
  expect(answered({ ...card, answer: 'once', name: 'Ann' })).toBe('Ann allowed it once')
})

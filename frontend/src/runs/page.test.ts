import { expect, it } from 'vitest'
import { become } from './page'

it('says what became of what a run made', () => {
  const canvas = {
    suggestions: [{ id: 's1', status: 'accepted', hunks: [{ amended_by: 'ann' }] }, { id: 's2', status: 'open', hunks: [] }, { id: 's3', status: 'rejected', hunks: [] }],
    threads: [{ id: 't1', status: 'resolved' }, { id: 't2', status: 'open' }],
  }
  const results = ['s1', 's2', 's3', 'gone'].map((id) => ({ type: 'suggestion', id })).concat(['t1', 't2'].map((id) => ({ type: 'thread', id })), [{ type: 'message', id: 'm' }])
  expect(become(canvas, results)).toEqual({ s1: 'accepted, amended', s2: 'waits for a decision', s3: 'rejected', t1: 'settled', t2: 'open' })
})

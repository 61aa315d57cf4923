import { describe, expect, it } from 'vitest'
import { blank, filled, foundNow, gist, grouped, missing, past, patterns, reworded, rights, sent, share, type Task, type TaskKind, type TaskStep, used, words } from './tasks'

const step = (id: string, more: Partial<TaskStep> = {}): TaskStep => ({ id, do: 'read', title: `Reads ${id}`, given: {}, state: 'coming', note: '', error: null, runs: [], done: 0, of: 0, tries: 0, started: null, finished: null, by: '', ...more })
const task = (id: string, more: Partial<Task> = {}): Task => ({
  id, canvas: 'c', kind: 'deep-research', title: id, by: { id: 'ada', name: 'Ada', role: 'editor' }, inputs: {}, plan: [], made: 100, model: null, state: 'running', priority: 0,
  budget: { tokens: 1000, seconds: 3600, money: 5 }, spent: { requests: 0, input: 0, output: 0, seconds: 0, cost: 0, cost_known: true }, schedule: null, parent: null,
  started: 100, finished: null, problem: null, said: [], cards: [], results: [], found: [], notes: [], outcome: '', progress: { done: 0, of: 0 }, expects: null, step: null, waits: 0, ...more,
})
const ids = (list: Task[]) => list.map(({ id }) => id)

describe('the board', () => {
  it('puts what needs somebody first: what asks, mine before theirs, then what broke', () => {
    const asks = { cards: [{ id: '1', kind: 'question' as const, question: 'Which?' }] }
    const groups = grouped([
      task('done', { state: 'done', finished: 90 }), task('runs'), task('theirs', { state: 'waiting', by: { id: 'ben', name: 'Ben' }, ...asks }),
      task('broke', { state: 'failed', finished: 110 }), task('mine', { state: 'waiting', ...asks }), task('parent', { state: 'waiting', started: 99 }), task('newer', { state: 'done', finished: 95 }), task('stopped', { state: 'cancelled', finished: 80 }),
    ], 'ada', 200)
    expect(ids(groups.needs)).toEqual(['mine', 'broke', 'theirs'])
    expect(ids(groups.running)).toEqual(['runs', 'parent'])
    expect(ids(groups.done)).toEqual(['newer', 'done', 'stopped'])
  })
  it('leaves what broke long ago, or for somebody else, among what is over', () => {
    const groups = grouped([task('old', { state: 'failed', finished: 100 }), task('bens', { state: 'failed', finished: 999_990, by: { id: 'ben', name: 'Ben' } })], 'ada', 1_000_000)
    expect(ids(groups.needs)).toEqual([])
    expect(ids(groups.done)).toEqual(['bens', 'old'])
  })
  it('lets those in line stand in the order in which they begin', () => {
    expect(ids(grouped([task('second', { state: 'queued', made: 2 }), task('first', { state: 'queued', made: 1 }), task('urgent', { state: 'queued', made: 3, priority: 5 })], 'ada', 5).queued)).toEqual(['urgent', 'first', 'second'])
  })
})

describe('one task', () => {
  it('says in a line where it is or what it came to', () => {
    const plan = [step('a', { state: 'done' }), step('b', { state: 'running', done: 2, of: 7 })]
    expect(gist(task('t', { plan, step: 'b' }))).toBe('Reads b (3 of 7)')
    expect(gist(task('t', { state: 'done', outcome: 'Nothing new.' }))).toBe('Nothing new.')
    expect(gist(task('t', { state: 'waiting', cards: [{ id: '1', kind: 'question', question: 'Old?', answer: 'answered' }, { id: '2', kind: 'question', question: 'Which ending?' }] }))).toBe('Which ending?')
    expect(gist(task('t', { state: 'waiting', cards: [{ id: '1', kind: 'question', question: '**Who** rings?\n\n1. Nobody' }] }))).toBe('Who rings?')
    expect(gist(task('t', { state: 'waiting', cards: [{ id: '1', kind: 'approval', question: 'May I?', title: 'Searches the web for “lamps”' }] }))).toBe('Searches the web for “lamps”')
    expect(gist(task('t', { state: 'failed', problem: { message: 'The model is gone.' } }))).toBe('The model is gone.')
    expect(gist(task('t', { state: 'paused', plan, step: 'b' }))).toBe('Paused before: Reads b')
  })
  it('is done by a share of its steps and of the parts of the step under way', () => {
    expect(share(task('t', { progress: { done: 1, of: 4 }, plan: [step('b', { state: 'running', done: 1, of: 2 })], step: 'b' }))).toBe(0.375)
    expect(share(task('t', { state: 'done', progress: { done: 0, of: 0 } }))).toBe(1)
    expect(share(task('t'))).toBe(0)
  })
  it('has used as much as the tightest of its limits says', () => {
    expect(used(task('t', { spent: { requests: 1, input: 400, output: 100, seconds: 36, cost: 1, cost_known: true } }))).toBe(0.5)
    expect(used(task('t', { budget: { tokens: null, seconds: null, money: null } }))).toBeUndefined()
  })
  it('shows what it found that still counts, the newest first, each with its place', () => {
    expect(foundNow({ found: [{ text: 'a' }, { text: 'b', dropped: true }, { text: 'c' }] }).map(({ text, at }) => [text, at])).toEqual([['c', 2], ['a', 0]])
  })
  it('is steered by everybody who comments, ended by whoever began it and by editors, and planned by nobody with fewer rights', () => {
    expect(rights(task('t'), 'viewer', 'ada')).toEqual({ steer: false, allow: false, end: false, plan: false })
    expect(rights(task('t'), 'commenter', 'ben')).toEqual({ steer: true, allow: false, end: false, plan: false })
    expect(rights(task('t'), 'editor', 'ben')).toEqual({ steer: true, allow: true, end: true, plan: true })
    expect(rights(task('t', { by: { id: 'ada', name: 'Ada', role: 'owner' } }), 'editor', 'ben')).toMatchObject({ end: true, plan: false })
    expect(rights(task('t', { by: { id: 'ben', name: 'Ben', role: 'commenter' } }), 'commenter', 'ben')).toMatchObject({ end: true, plan: true, allow: false })
  })
  it('is expected to take what earlier ones took', () => {
    const done = (seconds: number, cost: number) => task('d', { state: 'done', spent: { requests: 3, input: 1, output: 1, seconds, cost, cost_known: true } })
    expect(past('deep-research', [done(120, 0.03), done(840, 0.4)])).toBe('The last 2 took 2 minutes to 14 minutes and cost 0.03 USD to 0.40 USD.')
    expect(past('watch', [done(120, 0.03)])).toBe('')
  })
})

describe('a form', () => {
  const kind: TaskKind = {
    id: 'watch', name: 'Watch', description: '', agents: [], own: false, steps: [{ id: 'look', do: 'look', title: 'Looks for {about} in {where}' }],
    inputs: [
      { name: 'about', label: 'About what', kind: 'text', default: null, help: '', required: true },
      { name: 'page', label: 'Page', kind: 'page', default: null, help: '', required: true },
      { name: 'notes', label: 'Notes', kind: 'page', default: '', help: '', required: false },
      { name: 'where', label: 'Which pages', kind: 'pages', default: 'all', help: '', required: false },
      { name: 'length', label: 'Length', kind: 'choice', default: 'short', choices: ['long', 'short'], help: '', required: false },
      { name: 'links', label: 'With links', kind: 'toggle', default: true, help: '', required: false },
      { name: 'most', label: 'At most', kind: 'number', default: 5, help: '', required: false },
    ],
  }
  const here = { page: 'p2', pages: [{ id: 'p1' }, { id: 'p2' }], agents: [] }
  it('begins with the defaults and the page that somebody is at', () => {
    expect(blank(kind, here)).toEqual({ about: '', page: 'p2', notes: '', where: [], length: 'short', links: true, most: 5 })
    expect(blank(kind, here, { about: 'lamps', page: 'gone', length: 'huge', links: false })).toMatchObject({ about: 'lamps', page: 'p2', length: 'long', links: false })
  })
  it('names what is missing, and sends what was filled in', () => {
    const values = blank(kind, here)
    expect(missing(kind, values)?.name).toBe('about')
    values['about'] = ' lamps '
    expect(missing(kind, values)).toBeUndefined()
    expect(sent(kind, values)).toEqual({ about: 'lamps', page: 'p2', length: 'short', links: true, most: 5 })
  })
  it('says its steps with what was filled in', () => {
    expect(filled('Looks for {about} in {where}', kind, { about: 'lamps', where: ['p1'] }, new Map([['p1', 'The lamp room']]))).toBe('Looks for lamps in The lamp room')
    expect(filled('Looks for {about} in {where}', kind, { about: '', where: [] })).toBe('Looks for about what in all pages')
    expect(filled('Reads {each}', kind, {})).toBe('Reads each page')
  })
})

describe('the words of a step', () => {
  it('are what people may change of it', () => {
    expect(words({ query: 'lamps', page: 'p1', part: 2, most: 3, deep: { a: 1 } })).toEqual([['query', 'lamps'], ['most', 3]])
  })
  it('are said by its title where they were before', () => {
    expect(reworded({ do: 'search', title: 'Searches for lamps', given: { query: 'lamps' } }, 'query', 'oil lamps')).toEqual({ do: 'search', title: 'Searches for oil lamps', given: { query: 'oil lamps' } })
    expect(reworded({ do: 'search', title: 'Searches', given: { query: 'lamps' } }, 'query', 'oil').title).toBe('Searches')
  })
  it('are taken over by another step of its kind', () => {
    const plan = [step('a', { do: 'search', given: { query: 'lamps' } }), step('b', { given: { url: 'x' } }), step('c', { given: { url: 'y' } }), step('d', { do: 'check' })]
    expect(patterns({ plan }).map(({ says }) => says)).toEqual(['An agent does something', 'You are asked something', 'Like “Reads a”', 'Like “Reads c”'])
  })
})

/** The HTTP contract of tasks and schedules, typed. Nothing here keeps state. */
import { type Allow, freshKey, send } from '../api'
import type { Budget, KindProblem, Reading, Schedule, Task, TaskKind, TaskStep, WantedStep } from './tasks'

const at = (task: string, rest = '') => `/api/tasks/${encodeURIComponent(task)}${rest}`
const ofCanvas = (canvas: string, rest: string) => `/api/canvases/${encodeURIComponent(canvas)}${rest}`
const scheduleAt = (schedule: string, rest = '') => `/api/schedules/${encodeURIComponent(schedule)}${rest}`
const stepAt = (task: string, step: string, rest = '') => at(task, `/steps/${encodeURIComponent(step)}${rest}`)
/** A repetition of the same request changes nothing, so it may be sent again when the line was down. */
const once = () => ({ headers: { 'Idempotency-Key': freshKey() }, retries: 2 })

export interface NewTask { kind: string; inputs: Record<string, unknown>; title?: string; model?: string; priority?: number; budget?: Budget }
export interface NewSchedule extends NewTask { words?: string; rule?: string; zone: string; skip_if_unchanged?: boolean }
export interface Reply { card: string; answer?: string; allow?: Allow; text?: string }

export const taskApi = {
  kinds: () => send<{ kinds: TaskKind[]; problems?: KindProblem[] }>('GET', '/api/task-kinds'),
  /** The newest tasks, with what a list shows of them: the current step, what they found last, what they ask now. */
  all: (limit = 200) => send<{ tasks: Task[]; canvases?: Record<string, string> }>('GET', `/api/tasks?brief=true&limit=${limit}`),
  of: (canvas: string) => send<{ tasks: Task[] }>('GET', ofCanvas(canvas, '/tasks?brief=true')),
  begin: (canvas: string, body: NewTask) => send<Task>('POST', ofCanvas(canvas, '/tasks'), { body, ...once() }),

  one: (task: string) => send<Task>('GET', at(task)),
  eventsUrl: (task: string) => at(task, '/events'),
  step: (task: string, step: string) => send<{ step: TaskStep; result: Record<string, unknown> | null }>('GET', stepAt(task, step)),
  guide: (task: string, what: 'pause' | 'resume' | 'cancel') => send<Task>('POST', at(task, `/${what}`), { body: {} }),
  steer: (task: string, text: string) => send<Task>('POST', at(task, '/steer'), { body: { text } }),
  arrange: (task: string, steps: WantedStep[], seen: WantedStep[]) => send<Task>('PUT', at(task, '/plan'), { body: { steps, seen } }),
  retry: (task: string, step: string) => send<Task>('POST', stepAt(task, step, '/retry'), { body: {} }),
  skip: (task: string, step: string) => send<Task>('POST', stepAt(task, step, '/skip'), { body: {} }),
  fork: (task: string, step: string, inputs?: Record<string, unknown>) => send<Task>('POST', at(task, '/fork'), { body: { step, ...(inputs ? { inputs } : {}) }, ...once() }),
  /** What a fork would take over, and what it would do: titles of steps. Nothing is begun. */
  wouldFork: (task: string, step: string, inputs?: Record<string, unknown>) => send<{ keeps: string[]; does: string[] }>('POST', at(task, '/fork/look'), { body: { step, ...(inputs ? { inputs } : {}) } }),
  answer: (task: string, body: Reply) => send<Task>('POST', at(task, '/answer'), { body }),
  drop: (task: string, found: number | string) => send<Task>('POST', at(task, '/drop'), { body: { found } }),
  dismiss: (task: string, away: boolean) => send<unknown>('POST', at(task, '/dismiss'), { body: { away } }),

  allSchedules: () => send<{ schedules: Schedule[] }>('GET', '/api/schedules'),
  schedules: (canvas: string) => send<{ schedules: Schedule[] }>('GET', ofCanvas(canvas, '/schedules')),
  schedule: (schedule: string) => send<Schedule>('GET', scheduleAt(schedule)),
  makeSchedule: (canvas: string, body: NewSchedule) => send<Schedule>('POST', ofCanvas(canvas, '/schedules'), { body, ...once() }),
  changeSchedule: (schedule: string, body: Partial<NewSchedule>) => send<Schedule>('PATCH', scheduleAt(schedule), { body }),
  deleteSchedule: (schedule: string) => send<unknown>('DELETE', scheduleAt(schedule)),
  guideSchedule: (schedule: string, what: 'pause' | 'resume') => send<Schedule>('POST', scheduleAt(schedule, `/${what}`), { body: {} }),
  runSchedule: (schedule: string) => send<Task>('POST', scheduleAt(schedule, '/run'), { body: {}, ...once() }),
  readWords: (words: string, zone: string) => send<Reading>('POST', '/api/schedules/read', { body: { words, zone } }),
}

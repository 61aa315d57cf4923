/** The HTTP contract of a studio, typed. Nothing here keeps state. */
import type { Decided } from './runs/page'
import type { Card, PlanItem, Step, Usage } from './runs/steps'
import type { Tastes } from './taste/effect'
import type { Authors, Provenance, Shares } from './editor/authors'
import type { Agent, AgentFile, Agents, Checked, Reviewed } from './agents/agents'
import type { Accepted, Policy } from './budget/policies'
import type { Branch, BranchChanges, PageMark, Parent, PastPage, Preview, Timeline, Version } from './history/past'
import type { TaskResults, Waiting } from './inbox/items'
import type { Chain, Change, Recorded } from './record/record'
import type { Delivery, Group, Ping, Webhook } from './webhooks/webhooks'

export type Role = 'viewer' | 'commenter' | 'editor' | 'owner'
export type Kind = 'person' | 'agent'
export type PageKind = 'prose' | 'code' | 'note' | 'data'

export interface Participant { id: string; name: string; kind: Kind; color: string }
export interface Me extends Participant { role: Role }

export interface CanvasSummary {
  id: string
  title: string
  role: Role
  created: number
  updated: number
  pages: number
  words: number
  open_suggestions: number
}

/** `parent`: the canvas that this one is a branch of. */
export interface CanvasInfo { id: string; title: string; role: Role; epoch: string; you: Participant; parent?: string }
/** What came of files: pages, and what could not be kept of them. */
export interface Brought { pages: { id: string; title: string }[]; notes?: string[]; suggestions?: number; threads?: number }
/** A link that lets others in. Its address is only known when it is made. */
/** The agent of another program that may come in; `token` only when it was just made. */
export interface Connected { id: string; name: string; role: Role; token?: string; last_used?: number | null; expires?: number | null }
export interface Share { id: string; role: Role; url?: string; made?: number; expires?: number | null }
export type Member = Me
export interface Model {
  name: string
  provider: string
  label: string
  context: number
  small: boolean
  tools: boolean
  constrained: boolean
  ready: boolean
  note: string
}
export interface Skill { name: string; label: string }
export type { Agent }

/** Where in a page: a quote with its surroundings and, when known, Yjs relative positions as JSON objects. */
export interface Place { page: string; quote?: string; before?: string; after?: string; start?: unknown; end?: unknown }

export interface Ask extends Partial<Place> {
  agent?: string
  prompt: string
  skill?: 'continue' | 'rewrite' | 'critique' | 'brainstorm' | 'ask'
  model?: string
  options?: Record<string, unknown>
  /** Whether the agent also answers in the conversation; 'answer': the question stands there already. */
  say?: boolean | 'answer'
}

export type Allow = 'once' | 'run' | 'no'
export type RunState = 'queued' | 'running' | 'paused' | 'waiting' | 'done' | 'failed' | 'stopped'
export interface Run {
  id: string
  canvas: string
  agent: string
  skill?: string
  model?: string
  prompt: string
  /** Whoever asked. */
  by?: { id: string; name: string }
  notes?: string[]
  state: RunState
  error?: { code: string; message: string; hint?: string }
  started?: number
  finished?: number
  given?: Record<string, unknown>
  results?: { type: 'suggestion' | 'thread' | 'message' | 'attachment'; id: string }[]
  checks?: { what: string; ok: boolean; failed: { check: string; why: string }[] }[]
  plan?: PlanItem[]
  cards?: Card[]
  /** How many there are; `at` of them is known here once the run is followed. */
  steps?: number
  usage?: Usage
  /** What the agent said at the end, where it was not asked in the conversation. */
  answer?: string
  page?: string | null
  place?: { start: Place['start']; end: Place['end'] }
  options?: Record<string, unknown>
  parent?: string
}

/** An action as the server takes it; its fields are those of the contract. */
export interface ActionBody { type: string; [field: string]: unknown }
export interface Outcome { outcome: string; id?: string; [extra: string]: unknown }

export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string = '',
    readonly status: number = 0,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

interface Options { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal; retries?: number }

const wait = (ms: number) => new Promise((done) => setTimeout(done, ms))

export async function send<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const { body, headers = {}, retries = 0 } = options
  const form = body instanceof FormData
  const init: RequestInit = {
    method,
    credentials: 'same-origin',
    headers: { Accept: 'application/json', ...(body !== undefined && !form ? { 'Content-Type': 'application/json' } : {}), ...headers },
    ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
    ...(options.signal ? { signal: options.signal } : {}),
  }
  for (let attempt = 0; ; attempt++) {
    let response: Response
    try {
      response = await fetch(path, init)
    } catch (cause) {
      if (options.signal?.aborted) throw cause
      if (attempt < retries) {
        await wait(400 * 3 ** attempt)
        continue
      }
      throw new ApiError('unreachable', 'The studio cannot be reached.', 'Your text is kept here. Try again when the line is back.')
    }
    if (response.status === 503 && attempt < retries) {
      await wait(400 * 3 ** attempt)
      continue
    }
    return read<T>(response)
  }
}

async function read<T>(response: Response): Promise<T> {
  const text = await response.text()
  let data: unknown
  try {
    data = text ? JSON.parse(text) : undefined
  } catch {
    data = undefined
  }
  if (response.ok) return data as T
  const error = (data as { error?: Record<string, unknown> } | undefined)?.error
  if (error && typeof error['message'] === 'string') {
    const { code, message, hint, ...details } = error
    throw new ApiError(String(code ?? 'failed'), String(message), String(hint ?? ''), response.status, details)
  }
  throw new ApiError(
    response.status === 401 ? 'unauthenticated' : 'failed',
    `The studio answered ${response.status}.`,
    'Try again; if it stays so, look at the studio’s log.',
    response.status,
  )
}

/** Not `crypto.randomUUID`, which a page served over plain HTTP on a home network does not have. */
export function freshKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const at = (canvas: string, rest = '') => `/api/canvases/${encodeURIComponent(canvas)}${rest}`

const agentAt = (id: string) => `/api/agents/${encodeURIComponent(id)}`

const asked = (query: Record<string, number | undefined>) =>
  new URLSearchParams(Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])))

export const api = {
  me: () => send<{ participant: Participant; role: Role | null }>('GET', '/api/me'),
  changeMe: (body: { name?: string; color?: string }) => send<{ participant: Participant }>('PATCH', '/api/me', { body }),
  signOut: () => send<void>('POST', '/api/signout', { body: {} }),

  setup: (token: string) => send<{ valid: boolean; needs_name: boolean }>('GET', `/api/setup?setup=${encodeURIComponent(token)}`),
  claimSetup: (setup: string, name?: string) =>
    send<{ participant: Participant }>('POST', '/api/setup', { body: { setup, ...(name ? { name } : {}) } }),
  invitation: (token: string) =>
    send<{ canvas: { id: string; title: string }; role: Role; signed_in: boolean }>('GET', `/api/join/${encodeURIComponent(token)}`),
  join: (token: string, name?: string) => send<{ canvas: string }>('POST', '/api/join', { body: { token, ...(name ? { name } : {}) } }),

  canvases: () => send<{ canvases: CanvasSummary[] }>('GET', '/api/canvases'),
  createCanvas: (body: { title: string; pages: { title: string; text: string; kind: PageKind }[] }) =>
    send<{ id: string; pages: { id: string; title: string }[] }>('POST', '/api/canvases', {
      body, headers: { 'Idempotency-Key': freshKey() }, retries: 2,
    }),
  importFiles: (files: File[], title?: string) => {
    const body = new FormData()
    for (const file of files) body.append('files', file, file.name)
    if (title) body.append('title', title)
    return send<Brought & { id: string }>('POST', '/api/canvases/import', { body, headers: { 'Idempotency-Key': freshKey() } })
  },
  importPages: (canvas: string, files: File[]) => {
    const body = new FormData()
    for (const file of files) body.append('files', file, file.name)
    return send<Brought>('POST', at(canvas, '/import'), { body, headers: { 'Idempotency-Key': freshKey() } })
  },
  deleteCanvas: (canvas: string) => send<void>('DELETE', at(canvas)),
  canvas: (canvas: string) => send<{ pages: { id: string; text: string }[] } & Decided>('GET', at(canvas)),
  seat: (canvas: string) => send<CanvasInfo>('GET', at(canvas, '/seat')),
  exportFile: async (canvas: string, query: Record<string, string>): Promise<{ blob: Blob; name: string; notes: string }> => {
    let response: Response
    try {
      response = await fetch(`${at(canvas, '/export')}?${new URLSearchParams(query)}`, { credentials: 'same-origin' })
    } catch {
      throw new ApiError('unreachable', 'The studio cannot be reached.', 'Try again when the line is back.')
    }
    if (!response.ok) return read(response)
    const name = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get('Content-Disposition') ?? '')?.[1]
    return { blob: await response.blob(), name: decodeURIComponent(name ?? 'canvas'), notes: decodeURIComponent(response.headers.get('X-Studiolo-Notes') ?? '') }
  },

  act: (canvas: string, action: ActionBody, key: string) =>
    send<Outcome>('POST', at(canvas, '/actions'), { body: action, headers: { 'Idempotency-Key': key }, retries: 2 }),

  shares: (canvas: string) => send<{ shares: Share[] }>('GET', at(canvas, '/shares')),
  members: (canvas: string) => send<{ members: Member[] }>('GET', at(canvas, '/members')),
  share: (canvas: string, role: Role, days?: number) =>
    send<Share>('POST', at(canvas, '/shares'), { body: { role, ...(days ? { days } : {}) } }),
  revoke: (canvas: string, share: string) => send<void>('DELETE', at(canvas, `/shares/${encodeURIComponent(share)}`)),

  tastes: (canvas: string) => send<Tastes>('GET', at(canvas, '/taste')),
  /** Without an id: all of one's own. */
  forgetTaste: (canvas: string, id = '') => send<void>('DELETE', at(canvas, `/taste${id ? `/${encodeURIComponent(id)}` : ''}`)),

  connect: (canvas: string, name: string, role: Role, days?: number) =>
    send<Connected>('POST', at(canvas, '/tokens'), { body: { name, role, ...(days ? { days } : {}) } }),
  tokens: (canvas: string) => send<{ tokens: Connected[] }>('GET', at(canvas, '/tokens')),
  disconnect: (canvas: string, token: string) => send<void>('DELETE', at(canvas, `/tokens/${encodeURIComponent(token)}`)),

  ask: (canvas: string, ask: Ask) => send<{ run: string }>('POST', at(canvas, '/ask'), {
      body: { agent: 'co-author', ...ask }, headers: { 'Idempotency-Key': freshKey() }, retries: 2,
    }),
  steps: (run: string) => send<{ steps: Step[] }>('GET', `/api/runs/${encodeURIComponent(run)}/steps`),
  steer: (run: string, text: string) => send<Run>('POST', `/api/runs/${encodeURIComponent(run)}/steer`, { body: { text } }),
  /** Let it rest, go on, or leave the rest of the work to oneself. */
  guide: (run: string, what: 'pause' | 'resume' | 'take-over') => send<Run>('POST', `/api/runs/${encodeURIComponent(run)}/${what}`),
  answerCard: (run: string, body: { call: string; answer?: string; allow?: Allow; text?: string; arguments?: Record<string, unknown> }) =>
    send<Run>('POST', `/api/runs/${encodeURIComponent(run)}/answer`, { body }),
  runsOf: (canvas: string) => send<{ runs: Run[] }>('GET', at(canvas, '/runs')),
  authors: (canvas: string, page: string) => send<Authors>('GET', at(canvas, `/pages/${encodeURIComponent(page)}/authors`)),
  authorShares: (canvas: string, page: string) => send<Shares>('GET', at(canvas, `/pages/${encodeURIComponent(page)}/authors/shares`)),
  provenance: (canvas: string, page: string, from: number, to?: number) =>
    send<Provenance>('GET', at(canvas, `/pages/${encodeURIComponent(page)}/provenance?at=${from}${to === undefined ? '' : `&to=${to}`}`)),

  policies: (canvas: string) => send<{ policies: Policy[] }>('GET', at(canvas, '/policies')),
  acceptedBy: (canvas: string, policy: string) =>
    send<{ policy: Policy; accepted: Accepted[] }>('GET', at(canvas, `/policies/${encodeURIComponent(policy)}/accepted`)),

  /** Of one canvas, or with "" of all that one may see. */
  record: (canvas: string, since: number) => send<Recorded>('GET', `${canvas ? at(canvas, '/record') : '/api/record'}?since=${since}`),
  recordChanges: (canvas: string, asked: Record<string, string | number>) =>
    send<{ changes: Change[]; count: number }>('GET', at(canvas, `/record/changes?${new URLSearchParams(Object.entries(asked).map(([name, value]) => [name, String(value)]))}`)),
  chain: (canvas: string, head = '') => send<Chain>('GET', at(canvas, `/ledger/verify?head=${encodeURIComponent(head)}`)),
  ledgerUrl: (canvas: string, format: 'jsonl' | 'parquet') => at(canvas, `/ledger?format=${format}`),

  webhooks: (canvas: string) => send<{ webhooks: Webhook[] }>('GET', at(canvas, '/webhooks')),
  makeWebhook: (canvas: string, url: string, events: Group[]) => send<Webhook>('POST', at(canvas, '/webhooks'), { body: { url, events } }),
  pingWebhook: (canvas: string, hook: string) => send<Ping>('POST', at(canvas, `/webhooks/${encodeURIComponent(hook)}/test`), { body: {} }),
  deliveries: (canvas: string, hook: string) =>
    send<{ deliveries: Delivery[]; waiting: number }>('GET', at(canvas, `/webhooks/${encodeURIComponent(hook)}/deliveries`)),
  deleteWebhook: (canvas: string, hook: string) => send<void>('DELETE', at(canvas, `/webhooks/${encodeURIComponent(hook)}`)),

  runs: (canvas: string) => send<{ runs: Run[] }>('GET', at(canvas, '/runs')),
  run: (run: string) => send<Run>('GET', `/api/runs/${encodeURIComponent(run)}`),
  runEventsUrl: (run: string) => `/api/runs/${encodeURIComponent(run)}/events`,
  stopRun: (run: string) => send<unknown>('POST', `/api/runs/${encodeURIComponent(run)}/stop`, { body: {} }),

  history: (canvas: string) => send<Timeline>('GET', at(canvas, '/history')),
  pastPage: (canvas: string, page: string, between: { old?: number; new?: number }) =>
    send<PastPage>('GET', at(canvas, `/history/pages/${encodeURIComponent(page)}?${asked(between)}`)),
  compareHistory: (canvas: string, between: { old?: number; new?: number }) =>
    send<{ pages: PageMark[] }>('GET', at(canvas, `/history/compare?${asked(between)}`)),
  nameVersion: (canvas: string, body: { name: string; seq: number }) => send<Version>('POST', at(canvas, '/history/versions'), { body }),
  renameVersion: (canvas: string, version: string, name: string) => send<Version>('PATCH', at(canvas, `/history/versions/${version}`), { body: { name } }),
  deleteVersion: (canvas: string, version: string) => send<void>('DELETE', at(canvas, `/history/versions/${version}`)),
  turnBack: (canvas: string, what: 'restore' | 'take-back' | 'undo', body: Record<string, unknown>) =>
    send<Outcome>('POST', at(canvas, `/history/${what}`), { body }),
  previewBack: (canvas: string, what: 'restore' | 'take-back' | 'undo', body: Record<string, unknown>) =>
    send<{ pages: Preview[]; seen: number | null }>('POST', at(canvas, `/history/${what}`), { body: { ...body, preview: true } }),
  branches: (canvas: string) => send<{ branches: Branch[]; parent: Parent | null }>('GET', at(canvas, '/branches')),
  makeBranch: (canvas: string, body: { name: string; at?: number; pages?: string[] }) =>
    send<{ id: string; title: string }>('POST', at(canvas, '/branches'), { body }),
  branchChanges: (canvas: string, branch: string) => send<BranchChanges>('GET', at(canvas, `/branches/${encodeURIComponent(branch)}/changes`)),
  bringBack: (canvas: string, branch: string, pages: string[]) =>
    send<{ suggestions: string[]; withdrawn: string[]; pages: unknown[] }>('POST', at(canvas, `/branches/${encodeURIComponent(branch)}/propose`), { body: { pages } }),

  inbox: (query: { canvas?: string; kind?: string; limit?: number; after?: string } = {}) => {
    const asked = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]))
    return send<Waiting>('GET', `/api/inbox?${asked}`)
  },
  taskResults: (task: string) => send<TaskResults>('GET', `/api/tasks/${encodeURIComponent(task)}/results`),
  inboxCount: () => send<Pick<Waiting, 'count' | 'kinds'>>('GET', '/api/inbox/count'),
  redo: (canvas: string, suggestion: string, model?: string) =>
    send<{ run: string }>('POST', at(canvas, `/suggestions/${encodeURIComponent(suggestion)}/redo`), {
      body: model ? { model } : {}, headers: { 'Idempotency-Key': freshKey() }, retries: 2,
    }),
  again: (run: string) =>
    send<{ run: string }>('POST', `/api/runs/${encodeURIComponent(run)}/again`, { body: {}, headers: { 'Idempotency-Key': freshKey() }, retries: 2 }),
  dismiss: (run: string, away: boolean) => send<unknown>('POST', `/api/runs/${encodeURIComponent(run)}/dismiss`, { body: { away } }),

  models: () => send<{ models: Model[]; default: string }>('GET', '/api/models'),
  agents: () => send<Agents>('GET', '/api/agents'),
  agent: (id: string) => send<AgentFile>('GET', agentAt(id)),
  makeAgent: (body: { text?: string; id?: string; copy_of?: string; name?: string }) => send<AgentFile>('POST', '/api/agents', { body }),
  saveAgent: (id: string, text: string, etag: string) => send<AgentFile>('PUT', agentAt(id), { body: { text }, headers: { 'If-Match': `"${etag}"` } }),
  deleteAgent: (id: string) => send<AgentFile | { deleted: true }>('DELETE', agentAt(id)),
  trustAgent: (id: string, role: 'editor' | null) => send<AgentFile>('PUT', `${agentAt(id)}/role`, { body: { role } }),
  checkAgent: (id: string, text: string) => send<Checked>('POST', '/api/agents/check', { body: { id, text } }),
  reviewAgent: (file: File) => {
    const body = new FormData()
    body.append('file', file, file.name)
    return send<Reviewed>('POST', '/api/agents/review', { body })
  },
  agentFileUrl: (id: string) => `${agentAt(id)}/file`,
}

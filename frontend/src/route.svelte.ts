/** Which page of the program the address stands for. */
export type Route =
  | { name: 'home'; setup: string }
  | { name: 'join'; token: string }
  | { name: 'canvas'; canvas: string; page: string }
  | { name: 'inbox' }
  | { name: 'record'; canvas: string }
  | { name: 'agents'; agent: string }
  | { name: 'run'; run: string }
  | { name: 'tasks' }
  | { name: 'task'; task: string }
  | { name: 'lost' }

export function parse(address: Pick<URL, 'pathname' | 'searchParams'>): Route {
  const parts = address.pathname.split('/').filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part)
    } catch {
      return part
    }
  })
  const [first = '', second = '', third = ''] = parts
  if (!parts.length) return { name: 'home', setup: address.searchParams.get('setup') ?? '' }
  if (first === 'join' && second && parts.length === 2) return { name: 'join', token: second }
  if (first === 'c' && second && parts.length <= 3) return { name: 'canvas', canvas: second, page: third }
  if (first === 'inbox' && parts.length === 1) return { name: 'inbox' }
  if (first === 'agents' && parts.length <= 2) return { name: 'agents', agent: second }
  if (first === 'runs' && second && parts.length === 2) return { name: 'run', run: second }
  if (first === 'tasks' && parts.length <= 2) return second ? { name: 'task', task: second } : { name: 'tasks' }
  if (first === 'record' && parts.length <= 2) return { name: 'record', canvas: second }
  return { name: 'lost' }
}

class Router {
  current = $state.raw<Route>(parse(new URL(location.href)))

  constructor() {
    addEventListener('popstate', () => (this.current = parse(new URL(location.href))))
  }

  readonly go = (path: string, { replace = false } = {}): void => {
    history[replace ? 'replaceState' : 'pushState'](null, '', path)
    this.current = parse(new URL(location.href))
  }

  /** For links: a plain click stays inside the program; one with a modifier opens a tab as always. */
  readonly follow = (event: MouseEvent): void => {
    const link = (event.target as Element).closest('a')
    if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    if (link.origin !== location.origin || link.target || link.hasAttribute('download') || link.pathname.startsWith('/api/')) return
    event.preventDefault()
    this.go(link.pathname + link.search)
  }
}

export const router = new Router()
export const { go } = router
export const agentPath = (agent = '') => `/agents${agent ? `/${encodeURIComponent(agent)}` : ''}`
export const taskPath = (task = '') => `/tasks${task ? `/${encodeURIComponent(task)}` : ''}`
export const recordPath = (canvas = '') => `/record${canvas ? `/${encodeURIComponent(canvas)}` : ''}`
export const canvasPath = (canvas: string, page = '') =>
  `/c/${encodeURIComponent(canvas)}${page ? `/${encodeURIComponent(page)}` : ''}`

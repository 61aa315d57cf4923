const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [['year', 31_557_600], ['month', 2_629_800], ['week', 604_800], ['day', 86_400], ['hour', 3600], ['minute', 60]]

/** Seconds since the epoch as a person says it: `just now`, `3 hours ago`, `yesterday`. */
export function ago(at: number, now: number = Date.now() / 1000, style: Intl.RelativeTimeFormatStyle = 'long'): string {
  const past = now - at
  const step = STEPS.find(([, seconds]) => Math.abs(past) >= seconds)
  if (!step) return 'just now'
  return new Intl.RelativeTimeFormat('en', { numeric: 'auto', style }).format(-Math.round(past / step[1]), step[0])
}

export const clock = (at: number): string =>
  new Date(at * 1000).toLocaleTimeString(undefined, { hour: 'numeric', minute: '2-digit' })

const numbers = new Intl.NumberFormat('en')
export const amount = (n: number, one: string, many = `${one}s`): string => `${numbers.format(n)} ${n === 1 ? one : many}`
export const count = (n: number): string => numbers.format(n)

/**
 * The little Markdown of a conversation, as data. Nothing here makes HTML, so a model's answer can never become markup;
 * what it does not know stays as the text it was.
 */
export type Span =
  | { type: 'text' | 'strong' | 'em' | 'code'; text: string }
  | { type: 'link'; text: string; href: string }

export type Block =
  | { type: 'paragraph' | 'quote' | 'heading'; spans: Span[] }
  | { type: 'list'; ordered: boolean; start: number; items: Span[][] }
  | { type: 'code'; text: string }

const INLINE = /`([^`]+)`|\*\*([^\s*](?:[^*]*[^\s*])?)\*\*|(?<![\w*])[*_]([^\s*_](?:[^*_]*[^\s*_])?)[*_](?![\w*])|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>)\]]+[^\s<>)\].,;:!?'"])/g

export function spans(text: string): Span[] {
  const out: Span[] = []
  let last = 0
  for (const match of text.matchAll(INLINE)) {
    if (match.index > last) out.push({ type: 'text', text: text.slice(last, match.index) })
    const [whole, code, strong, em, label, href, bare] = match
    if (code !== undefined) out.push({ type: 'code', text: code })
    else if (strong !== undefined) out.push({ type: 'strong', text: strong })
    else if (em !== undefined) out.push({ type: 'em', text: em })
    else if (label !== undefined && href !== undefined) out.push({ type: 'link', text: label, href })
    else if (bare !== undefined) out.push({ type: 'link', text: bare, href: bare })
    last = match.index + whole.length
  }
  if (last < text.length) out.push({ type: 'text', text: text.slice(last) })
  return out
}

export function blocks(text: string): Block[] {
  const out: Block[] = []
  const lines = text.replace(/\r\n?/g, '\n').split('\n')
  let paragraph: string[] = []
  const close = () => {
    if (paragraph.length) out.push({ type: 'paragraph', spans: spans(paragraph.join('\n')) })
    paragraph = []
  }
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? ''
    if (/^\s*```/.test(line)) {
      close()
      const body: string[] = []
      // An answer that is still streaming may not have closed its fence yet.
      while (++i < lines.length && !/^\s*```/.test(lines[i] ?? '')) body.push(lines[i] ?? '')
      out.push({ type: 'code', text: body.join('\n') })
      continue
    }
    const item = /^\s*(?:[-*•]|(\d{1,3})[.)])\s+(.*)$/.exec(line)
    const mark = /^(#{1,6}|>)\s+(.*)$/.exec(line)
    if (item) {
      close()
      const ordered = item[1] !== undefined
      const last = out.at(-1)
      const before = (lines[i - 1] ?? '').trim() !== '' || ordered
      if (last?.type === 'list' && last.ordered === ordered && before) last.items.push(spans(item[2] ?? ''))
      else out.push({ type: 'list', ordered, start: Number(item[1] ?? 1), items: [spans(item[2] ?? '')] })
    } else if (mark) {
      close()
      out.push({ type: mark[1] === '>' ? 'quote' : 'heading', spans: spans(mark[2] ?? '') })
    } else if (!line.trim()) close()
    else paragraph.push(line)
  }
  close()
  return out
}

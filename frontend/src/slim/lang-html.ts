/**
 * Stands in for `@codemirror/lang-html` inside `@codemirror/lang-markdown`, which otherwise brings the parsers of HTML, CSS and
 * JavaScript (68 KB compressed) to the first page, for tags that prose hardly ever holds. HTML in Markdown is shown as plain text;
 * a code page in HTML still gets the real thing. `vite.config.ts` puts it there.
 */
import { LanguageSupport, StreamLanguage } from '@codemirror/language'

const plain = StreamLanguage.define({
  token(stream) {
    stream.skipToEnd()
    return null
  },
})

export const html = (): LanguageSupport => new LanguageSupport(plain)
export const htmlCompletionSource = (): null => null

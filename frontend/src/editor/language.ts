/** What a page is written in, and how its words are coloured. */
import { markdown, markdownLanguage } from '@codemirror/lang-markdown'
import { HighlightStyle, LanguageDescription, syntaxHighlighting } from '@codemirror/language'
import { languages } from '@codemirror/language-data'
import type { Extension } from '@codemirror/state'
import { tags as t } from '@lezer/highlight'
import type { PageKind } from '../api'

export type Mode = 'prose' | 'code'

export const modeOf = (kind: PageKind): Mode => (kind === 'code' || kind === 'data' ? 'code' : 'prose')

/** Colours by custom properties, so that light and dark are the style sheet's matter. */
export const highlighting: Extension = syntaxHighlighting(
  HighlightStyle.define([
    { tag: t.strong, fontWeight: '700' },
    { tag: t.emphasis, fontStyle: 'italic' },
    { tag: t.strikethrough, textDecoration: 'line-through' },
    { tag: t.link, color: 'var(--accent)' },
    { tag: t.url, color: 'var(--ink-soft)' },
    { tag: t.monospace, class: 'tok-mono' },
    { tag: [t.keyword, t.operatorKeyword, t.modifier], color: 'var(--code-keyword)' },
    { tag: [t.string, t.special(t.string), t.regexp, t.character], color: 'var(--code-string)' },
    { tag: [t.number, t.bool, t.atom, t.null], color: 'var(--code-number)' },
    { tag: [t.comment, t.quote], color: 'var(--ink-soft)', fontStyle: 'italic' },
    { tag: [t.function(t.variableName), t.function(t.propertyName), t.definition(t.variableName)], color: 'var(--accent)' },
    { tag: [t.typeName, t.className, t.tagName, t.namespace], color: 'var(--code-type)' },
    { tag: [t.propertyName, t.attributeName, t.labelName], color: 'var(--code-name)' },
    { tag: [t.processingInstruction, t.contentSeparator, t.meta], color: 'var(--ink-soft)' },
    { tag: t.invalid, textDecoration: 'underline wavy var(--del)' },
  ]),
)

/** Markdown at once; its fenced code and other languages are fetched when they are first seen. */
export const prose = (): Extension => markdown({ base: markdownLanguage, codeLanguages: languages })

/** The language of a file by its title (`rain.py`), loaded on demand; null when it has none that we know. */
export async function languageFor(title: string): Promise<Extension | null> {
  const found = LanguageDescription.matchFilename(languages, title.trim())
  if (!found) return null
  if (found.name === 'Markdown') return prose()
  return (found.support ?? (await found.load())).extension
}

/** The formats that a canvas can be taken away in, and what each of them keeps. */

export interface Format {
  name: string
  label: string
  ending: string
  note: string
  /** Open suggestions and comments stay open in it. */
  open?: boolean
  /** It is all of the canvas, whatever is chosen. */
  whole?: boolean
}

export const GROUPS: { title: string; formats: Format[] }[] = [
  {
    title: 'To go on writing',
    formats: [
      { name: 'docx', label: 'Word', ending: '.docx', note: 'Suggestions are tracked changes, comments are comments, by whoever made them.', open: true },
      { name: 'markdown', label: 'Markdown', ending: '.md', note: 'The text just as it is here, a file for each page.' },
      { name: 'critic', label: 'Markdown with CriticMarkup', ending: '.md', note: 'Suggestions and comments stand in the text, with their authors.', open: true },
      { name: 'zip', label: 'Markdown and who wrote what', ending: '.zip', note: 'Brought back, also after the files were edited, everybody’s words are theirs again.' },
      { name: 'odt', label: 'OpenDocument', ending: '.odt', note: 'For LibreOffice and others: text and its formatting.' },
    ],
  },
  {
    title: 'To be read',
    formats: [
      { name: 'pdf', label: 'PDF', ending: '.pdf', note: 'Set as a book: a title page, chapters on new pages, page numbers.' },
      { name: 'epub', label: 'EPUB', ending: '.epub', note: 'For e-readers, with a table of contents.' },
      { name: 'html', label: 'Web page', ending: '.html', note: 'One file that any browser shows.' },
    ],
  },
  {
    title: 'Screenplays',
    formats: [
      { name: 'fountain', label: 'Fountain', ending: '.fountain', note: 'Plain text that screenwriting programs read.' },
      { name: 'fdx', label: 'Final Draft', ending: '.fdx', note: 'Scenes, characters and dialogue as Final Draft’s own.' },
    ],
  },
  {
    title: 'To keep or to move',
    formats: [
      { name: 'studiolo', label: 'The whole canvas', ending: '.studiolo', note: 'Its history, record, conversation and runs. Import it into any studio.', open: true, whole: true },
    ],
  },
]

export const FORMATS = GROUPS.flatMap(({ formats }) => formats)

export const BROUGHT = '.md,.markdown,.txt,.text,.docx,.odt,.epub,.rtf,.html,.htm,.fountain,.spmd,.fdx,.zip,.studiolo,text/*,application/zip'

/** What stays behind when open things go into a format that cannot hold them; '' when nothing does. */
export function leftBehind(format: Format, suggestions: number, comments: number, taken: boolean): string {
  if (format.open) return ''
  const many = (number: number, word: string) => (number === 1 ? `one ${word}` : `${number} ${word}s`)
  const parts = [
    ...(suggestions && !taken ? [many(suggestions, 'open suggestion')] : []),
    ...(comments ? [many(comments, 'comment')] : []),
  ]
  if (!parts.length) return ''
  const only = suggestions && !taken ? suggestions + comments === 1 : comments === 1
  return `${parts.join(' and ').replace(/^./, (letter) => letter.toUpperCase())} ${only ? 'stays' : 'stay'} behind: ${format.label} cannot hold them.`
}

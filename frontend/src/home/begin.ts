import { api } from '../api'
import { toast } from '../notices.svelte'
import { canvasPath, go } from '../route.svelte'

/** What a person can begin with. Each makes a canvas and goes there. */

export async function blank(): Promise<void> {
  const { id } = await api.createCanvas({ title: 'Untitled', pages: [{ title: 'Page 1', text: '', kind: 'prose' }] })
  go(canvasPath(id))
}

export async function fromFiles(files: File[]): Promise<void> {
  if (!files.length) return
  const { id, notes } = await api.importFiles(files)
  go(canvasPath(id))
  if (notes?.length) toast(notes.join(' '))
}

/** A first hour in one page: something to try every hand on, which can be thrown away. */
const TOUR = `# The keeper’s lamp

Mara came back to the island on the last boat before the storm, with one suitcase and no intention of staying. The lighthouse had been dark for eleven years. Everyone in the harbour agreed on that, and everyone in the harbour was lying.

She found the key where her father had always left it, under the third stone, and the third stone was warm.

“You should of called first,” said the postmistress, who had followed her up the path very quietly and who was very, very out of breath from all of the climbing that she had been doing.

Inside, the lamp room smelled of oil. Somebody had polished the brass.

---

**Try this**

- Select the postmistress’s sentence and ask for a shorter one. The change comes as a suggestion in the margin; nothing is touched until you accept it.
- Put the caret after the last line of the story and choose *Continue*.
- Ask in the conversation what the harbour could be hiding.
- Press Ctrl K, or ⌘ K on a Mac: everything this tool can do is there.
`

export async function tour(): Promise<void> {
  const { id } = await api.createCanvas({ title: 'The keeper’s lamp', pages: [{ title: 'Chapter one', text: TOUR, kind: 'prose' }] })
  go(canvasPath(id))
}

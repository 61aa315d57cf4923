/**
 * The caret stands still while a person types or moves it, and blinks when it rests, as that of a browser does.
 * CodeMirror begins its blinking anew with each key, and each beginning costs the browser several frames.
 */
import { ViewPlugin, type ViewUpdate } from '@codemirror/view'

/** How long after the last key the caret begins to blink, in milliseconds. */
const RESTS = 500

export const blink = ViewPlugin.define(({ scrollDOM }) => {
  let resting: ReturnType<typeof setTimeout> | undefined
  return {
    update({ docChanged, selectionSet }: ViewUpdate) {
      if (!docChanged && !selectionSet) return
      if (resting === undefined) scrollDOM.classList.add('moving')
      clearTimeout(resting)
      resting = setTimeout(() => {
        resting = undefined
        scrollDOM.classList.remove('moving')
      }, RESTS)
    },
    destroy() {
      clearTimeout(resting)
    },
  }
})

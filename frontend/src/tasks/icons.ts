import BookOpenText from '@lucide/svelte/icons/book-open-text'
import ChartSpline from '@lucide/svelte/icons/chart-spline'
import Eye from '@lucide/svelte/icons/eye'
import Feather from '@lucide/svelte/icons/feather'
import Languages from '@lucide/svelte/icons/languages'
import ListTodo from '@lucide/svelte/icons/list-todo'
import Telescope from '@lucide/svelte/icons/telescope'
import type { Component } from 'svelte'

const ICONS: [RegExp, Component<any>][] = [
  [/story|scene|continue|write/, Feather], [/research/, Telescope], [/watch|press/, Eye], [/review|pass/, BookOpenText], [/translat|adapt/, Languages], [/data|refresh/, ChartSpline],
]
/** A sign for a kind of task, by its name: those of one's own have one too. */
export const iconOf = (kind: string): Component<any> => ICONS.find(([name]) => name.test(kind))?.[1] ?? ListTodo

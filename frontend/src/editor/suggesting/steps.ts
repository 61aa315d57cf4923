/**
 * Undo in suggesting mode: takes back what was typed in the mode, step by step, and never the shared text. What others
 * wrote meanwhile is stepped over; a step whose words somebody has decided about is left out.
 */
import { type ChangeDesc, type ChangeSet, EditorSelection, StateEffect, StateField, Transaction } from '@codemirror/state'
import type { EditorView } from '@codemirror/view'
import { between, carried, carriedApart, grouped, type Marks, type Paint, painted, sound } from './marks'
import { enter, leave, outside, setMarks, type Splice, splice } from './splice'
import { age } from './typing'

interface Step {
  /** From the text after the step to the text before it. */
  changes: ChangeSet
  /** All marks before the step, and the units that it changed. */
  marks: Marks
  units: ReadonlySet<string>
  selection: EditorSelection
  at: number
  kind: 'delete' | 'input'
  /** What others did since, while this was the last step. */
  over: ChangeDesc | null
}
interface Steps { done: readonly Step[]; undone: readonly Step[]; open: boolean }

const NONE: Steps = { done: [], undone: [], open: false }
const PAUSE = 600
const MOST = 300

const taken = StateEffect.define<{ verb: 'undo' | 'redo'; steps: Steps }>()
/** The next edit begins a new step. */
export const seal = StateEffect.define<null>()

export const steps = StateField.define<Steps>({
  create: () => NONE,
  update(value, tr) {
    if (tr.effects.some((effect) => effect.is(enter) || effect.is(leave))) return NONE
    const before = tr.startState.field(splice)
    const after = tr.state.field(splice)
    if (!before || !after) return value
    for (const effect of tr.effects) {
      if (effect.is(seal)) value = { ...value, open: false }
      if (!effect.is(taken)) continue
      const { verb, steps: left } = effect.value
      const back = stepOf(tr, before, after)
      return verb === 'undo' ? { ...left, undone: [...left.undone, back], open: false } : { ...left, done: [...left.done, back], open: false }
    }
    if (tr.annotation(outside)) return tr.docChanged ? { ...value, done: passed(value.done, tr.changes.desc), undone: passed(value.undone, tr.changes.desc) } : value
    if (before.marks === after.marks && !tr.docChanged) return tr.selection && value.open ? { ...value, open: false } : value
    const step = stepOf(tr, before, after)
    const top = value.done.at(-1)
    const large = tr.isUserEvent('input.paste') || tr.isUserEvent('input.drop') || tr.isUserEvent('delete.cut') || newline(tr)
    if (top && value.open && !large && !top.over && top.kind === step.kind && step.at - top.at < PAUSE) {
      const one: Step = { ...step, changes: step.changes.compose(top.changes), marks: top.marks, units: new Set([...top.units, ...step.units]), selection: top.selection }
      return { done: [...value.done.slice(0, -1), one], undone: [], open: true }
    }
    return { done: [...value.done, step].slice(-MOST), undone: [], open: !large }
  },
})

function stepOf(tr: Transaction, before: Splice, after: Splice): Step {
  return {
    changes: tr.changes.invert(tr.startState.doc),
    marks: before.marks,
    units: touched(tr, before.marks, after.marks),
    selection: tr.startState.selection,
    at: tr.annotation(Transaction.time) ?? Date.now(),
    kind: tr.isUserEvent('delete') ? 'delete' : 'input',
    over: null,
  }
}

function touched(tr: Transaction, before: Marks, after: Marks): Set<string> {
  const sums = new Map<string, number>()
  const count = (marks: Marks, sign: 1 | -1) => {
    for (const { unit, kind, from, to } of marks) sums.set(unit, (sums.get(unit) ?? 0) + sign * (to - from) * (kind === 'ins' ? 1 : 1e7) + sign * 1e-3)
  }
  count(before, -1)
  count(after, 1)
  const units = new Set([...sums].filter(([, sum]) => Math.abs(sum) > 1e-6).map(([unit]) => unit))
  tr.changes.iterChangedRanges((fromA, toA, fromB, toB) => {
    for (const { unit } of between(before, fromA - 1, toA + 1)) units.add(unit)
    for (const { unit } of between(after, fromB - 1, toB + 1)) units.add(unit)
  })
  return units
}

const passed = (list: readonly Step[], changes: ChangeDesc): readonly Step[] => {
  const top = list.at(-1)
  return top ? [...list.slice(0, -1), { ...top, over: top.over ? top.over.composeDesc(changes) : changes }] : list
}

/** The last step as it is to be taken now, and the others. */
function pop(list: readonly Step[]): { step: Step; rest: readonly Step[] } | null {
  const top = list.at(-1)
  if (!top) return null
  const rest = list.slice(0, -1)
  if (!top.over) return { step: top, rest }
  const changes = top.changes.map(top.over)
  const beneath = top.over.mapDesc(top.changes, true)
  return { step: { ...top, changes, marks: carriedApart(top.marks, beneath), selection: top.selection.map(beneath), over: null }, rest: passed(rest, beneath) }
}

/** Past a step that cannot be taken any more: those before it must not count on it. */
const skip = (rest: readonly Step[], step: Step): readonly Step[] => passed(rest, step.changes.invertedDesc)

export function take(view: EditorView, verb: 'undo' | 'redo'): boolean {
  const now = view.state.field(splice)
  if (!now || view.state.readOnly) return false
  const value = view.state.field(steps)
  let list = verb === 'undo' ? value.done : value.undone
  for (let found = pop(list); found; found = pop(list)) {
    const { step, rest } = found
    const stay = carried(now.marks.filter(({ unit }) => !step.units.has(unit)), step.changes)
    const back: Paint[] = step.marks.filter(({ unit }) => step.units.has(unit))
    const marks = grouped(painted(stay, back), step.changes.apply(view.state.doc), new Set(), age)
    if (sound(now.marks, step.changes, marks)) {
      const left = verb === 'undo' ? { ...value, done: rest } : { ...value, undone: rest }
      view.dispatch({
        changes: step.changes,
        selection: step.selection,
        effects: [setMarks.of(marks), taken.of({ verb, steps: left })],
        userEvent: verb,
        scrollIntoView: true,
        filter: false,
      })
      return true
    }
    list = skip(rest, step)
  }
  return true
}

/** When the step that undo (or redo) would take was made; null when there is none. */
export function topOf(view: EditorView, verb: 'undo' | 'redo'): number | null {
  const value = view.state.field(steps, false)
  return (verb === 'undo' ? value?.done : value?.undone)?.at(-1)?.at ?? null
}

function newline(tr: Transaction): boolean {
  let found = false
  tr.changes.iterChanges((_fromA, _toA, _fromB, _toB, insert) => (found ||= insert.lines > 1))
  return found
}

/** The kinds of tasks that this studio knows. */
import { taskApi } from './http'
import type { KindProblem, TaskKind } from './tasks'
import { kindName } from './words'

class Kinds {
  all = $state.raw<TaskKind[]>([])
  problems = $state.raw<KindProblem[]>([])
  met = $state(false)

  /** Asks again each time: they are files, and may have changed. */
  async look(): Promise<void> {
    const { kinds: found, problems } = await taskApi.kinds()
    this.all = found
    this.problems = problems ?? []
    this.met = true
  }
  get(id: string): TaskKind | undefined {
    return this.all.find((kind) => kind.id === id)
  }
  nameOf(id: string): string {
    return this.get(id)?.name ?? kindName(id)
  }
}
export const kinds = new Kinds()

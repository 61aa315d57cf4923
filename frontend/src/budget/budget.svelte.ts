import { untrack } from 'svelte'
import { api } from '../api'
import { fail, toast } from '../notices.svelte'
import type { Session } from '../session.svelte'
import { studio } from '../studio.svelte'
import { amount } from '../text/ago'
import { type Accepted, type Draft, draftOf, type Policy } from './policies'

/** The policies of one canvas, and what the one that is open has accepted. */
export class Budget {
  policies = $state.raw<Policy[]>([])
  loaded = $state(false)
  /** The policy whose list is open. */
  open = $state('')
  accepted = $state.raw<Accepted[]>([])
  busy = $state(false)

  readonly live: Policy[] = $derived(this.policies.filter((policy) => !policy.removed))
  /** Removed ones, as long as something that they accepted stands. */
  readonly past: Policy[] = $derived(this.policies.filter(({ removed, counts }) => removed && counts.accepted > counts.withdrawn))
  readonly shown: Policy | undefined = $derived(this.policies.find(({ id }) => id === this.open))

  /** Everybody who suggests as an agent, or may: by id. */
  readonly agents: ReadonlyMap<string, string> = $derived.by(() => {
    const found = new Map(studio.agents.map(({ id, name }) => [id, name]))
    for (const { author, author_kind, name } of this.session.suggestions) if (author_kind === 'agent') found.set(author, name)
    for (const { id, kind, name } of this.session.people) if (kind === 'agent') found.set(id, name)
    for (const { agent } of this.policies) if (agent !== '*' && !found.has(agent)) found.set(agent, agent)
    return found
  })

  constructor(readonly session: Session) {}

  called(agent: string): string {
    return agent === '*' ? 'any agent' : (this.agents.get(agent) ?? agent)
  }

  async load(): Promise<void> {
    try {
      const { policies } = await api.policies(this.session.id)
      this.policies = policies
      this.loaded = true
      const open = untrack(() => this.open)
      if (open) {
        const { accepted } = await api.acceptedBy(this.session.id, open)
        if (this.open === open) this.accepted = accepted
      }
    } catch (error) {
      fail(error)
    }
  }

  async show(policy: string): Promise<void> {
    this.accepted = []
    this.open = policy
    await this.load()
  }

  readonly save = (draft: Draft): Promise<boolean> => this.#act({ type: 'set_policy', ...draft })

  pause(policy: Policy, paused: boolean): Promise<boolean> {
    return this.#act({ type: 'set_policy', ...draftOf(policy), paused })
  }

  remove(policy: Policy): Promise<boolean> {
    return this.#act({ type: 'remove_policy', policy: policy.id })
  }

  good(row: Accepted): Promise<boolean> {
    return this.#act({ type: 'audit', suggestion: row.suggestion })
  }

  takeBack(row: Accepted): Promise<boolean> {
    return this.#act({ type: 'undo', decision: row.decision }, 'It was taken back and waits for a decision again.')
  }

  async withdraw(policy: Policy): Promise<boolean> {
    const stood = policy.counts.accepted - policy.counts.withdrawn
    return this.#act({ type: 'undo', policy: policy.id }, `${amount(stood, 'suggestion')} taken back. What people wrote since is still there.`)
  }

  async #act(action: { type: string; [field: string]: unknown }, done = ''): Promise<boolean> {
    this.busy = true
    try {
      await this.session.act(action)
      if (done) toast(done)
      await this.load()
      return true
    } catch {
      return false // it was shown
    } finally {
      this.busy = false
    }
  }
}

/** One setting that this browser remembers. A browser that forbids storage only forgets it. */
export class Remembered<T extends string | boolean> {
  #value = $state() as T
  readonly #key: string

  constructor(name: string, initial: T, allowed?: readonly T[]) {
    this.#key = `studiolo:${name}`
    this.#value = initial
    try {
      const kept: unknown = JSON.parse(localStorage.getItem(this.#key) ?? 'null')
      if (typeof kept === typeof initial && (!allowed || allowed.includes(kept as T))) this.#value = kept as T
    } catch {
      // Storage is off or holds something else: the initial value stands.
    }
  }

  get value(): T {
    return this.#value
  }

  set value(value: T) {
    this.#value = value
    try {
      localStorage.setItem(this.#key, JSON.stringify(value))
    } catch {
      // Storage is off: the setting lasts as long as the page.
    }
  }
}

import type { Change } from '../../core/ports/changes.ts'
import type { Statement, Step } from './prepare.ts'

/** What a commit is going to do, one statement after the other; changes add theirs to it. */
export class CommitPlan {
  readonly steps: Step[] = []
  #change: Change['kind'] | undefined

  /** The statements that follow are parts of a change of this kind. */
  begin(change: Change['kind']): void {
    this.#change = change
  }

  /** @throws StoreError `refused` for a text that cannot be stored */
  add<Args>(statement: Statement<Args>, args: Args): this {
    const change = this.#change
    if (change === undefined) throw new TypeError('A step belongs to a change')
    this.steps.push({ statement, values: statement.bind(args), change })
    return this
  }

  addAll<Args>(statements: readonly Statement<Args>[], args: Args): this {
    for (const statement of statements) this.add(statement, args)
    return this
  }
}

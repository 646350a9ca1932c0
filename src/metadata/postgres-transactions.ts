import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import { StoreError } from '../core/errors.ts'
import { isAlreadyFailed, isConnectionLost, isRace, isTimeout, storeErrorOf } from './postgres-errors.ts'
import type { PostgresStatements } from './postgres-statements.ts'
import type { Step } from './prepare.ts'

/** The steps of one commit. */
export type Steps = readonly Step[]
/** What became of a commit: undefined if it stands. */
export type Fate = StoreError | undefined

/** What a commit met in a transaction; a group of them is only made if all are `fine`. */
type Verdict = 'fine' | 'undecided' | Failure

interface Failure {
  readonly error: StoreError
  /** It would not fare better alone. */
  readonly isFinal: boolean
}

/** A transaction that was not made and can be tried again, all of it. */
class Retryable extends Error {}

const ATTEMPTS = 6
/** Nothing is tried again later than this: whoever waits should hear something. */
const RETRY_PATIENCE_MS = 10_000
const FIRST_PAUSE_MS = 20
/** Longer than a server takes to end a transaction that the network has cut off, or to start again. */
const LOOK_UP_PATIENCE_MS = 20_000
const LOOK_UP_PAUSE_MS = 50

/**
 * Makes commits durable, many in one transaction. All statements of a transaction are sent at once and their answers are
 * judged together, so that it takes two round trips whatever is in it.
 */
export class PostgresTransactions {
  readonly #pool: Pool
  readonly #statements: PostgresStatements

  constructor(pool: Pool, statements: PostgresStatements) {
    this.#pool = pool
    this.#statements = statements
  }

  /** Makes the commits, in one transaction if all can be made. One that fails is judged by itself, and fails alone. */
  async run(commits: readonly Steps[]): Promise<readonly Fate[]> {
    try {
      const verdicts = await this.#attemptPatiently(commits)
      const isMade = verdicts.every((verdict) => verdict === 'fine')
      if (isMade) return commits.map(() => undefined)
      if (commits.length === 1) return [(verdicts[0] as Failure).error]
      return await this.#runApart(commits, verdicts)
    } catch (error) {
      return commits.map(() => storeErrorOf(error))
    }
  }

  /** Those that went well together again; each that failed alone, since it may have failed for another's sake. */
  async #runApart(commits: readonly Steps[], verdicts: readonly Verdict[]): Promise<readonly Fate[]> {
    const fates: Fate[] = []
    const runAgain = async (indexes: readonly number[]) => {
      if (indexes.length === 0) return
      const again = await this.run(indexes.map((index) => commits[index] as Steps))
      for (const [i, index] of indexes.entries()) fates[index] = again[i]
    }
    const having = (wanted: (verdict: Verdict) => boolean) =>
      verdicts.flatMap((verdict, index) => (wanted(verdict) ? [index] : []))
    await runAgain(having((verdict) => verdict === 'fine'))
    for (const index of having((verdict) => typeof verdict === 'object')) {
      const { error, isFinal } = verdicts[index] as Failure
      if (isFinal) fates[index] = error
      else await runAgain([index])
    }
    await runAgain(having((verdict) => verdict === 'undecided'))
    return fates
  }

  async #attemptPatiently(commits: readonly Steps[]): Promise<readonly Verdict[]> {
    const until = performance.now() + RETRY_PATIENCE_MS
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(commits)
      } catch (error) {
        if (!(error instanceof Retryable)) throw error
        if (attempt === ATTEMPTS || performance.now() > until) throw storeErrorOf(error.cause)
        await sleep(FIRST_PAUSE_MS * 2 ** attempt * Math.random())
      }
    }
  }

  /** One transaction, made if every verdict is `fine` and otherwise undone. @throws Retryable, StoreError */
  async #attempt(commits: readonly Steps[]): Promise<readonly Verdict[]> {
    const client = await this.#pool.connect().catch((error) => {
      throw new Retryable('no connection', { cause: error })
    })
    let isUsable = false
    try {
      const { id, verdicts } = await this.#send(client, commits)
      if (!verdicts.every((verdict) => verdict === 'fine')) {
        await client.query('rollback')
        isUsable = true
        return verdicts
      }
      if (!(await this.#commit(client, id))) throw new Retryable('undone', { cause: new Error('undone') })
      isUsable = true
      return verdicts
    } catch (error) {
      if (isConnectionLost(error)) throw new Retryable('connection lost', { cause: error })
      throw error
    } finally {
      // A connection that met a failure of the whole transaction is closed, which undoes it, too.
      client.release(!isUsable)
    }
  }

  /** @throws what ended the transaction as a whole */
  async #send(
    client: PoolClient,
    commits: readonly Steps[],
  ): Promise<{ readonly id: string; readonly verdicts: readonly Verdict[] }> {
    const begun = client.query('begin isolation level read committed')
    const identified = client.query<[string]>({
      name: 'transaction-id',
      text: 'select pg_current_xact_id()::text',
      rowMode: 'array',
    })
    const sent = commits.map((steps) =>
      steps.map(({ statement, values }) => client.query(this.#statements.named(statement.sql, values))),
    )
    // Whatever fails, all answers are taken first: only then is the transaction over.
    const [answers] = await Promise.all([
      Promise.all(sent.map((steps) => Promise.allSettled(steps))),
      Promise.allSettled([begun, identified]),
    ])
    await begun
    const { rows } = await identified
    const verdicts = answers.map((results, i) => judge(commits[i] as Steps, results))
    return { id: (rows[0] as unknown as [string])[0], verdicts }
  }

  /** @returns whether the transaction was made, which is looked up if the answer does not come. */
  async #commit(client: PoolClient, id: string): Promise<boolean> {
    try {
      return (await client.query('commit')).command === 'COMMIT'
    } catch (error) {
      if (!isConnectionLost(error)) throw error
      return await this.#lookUp(id, processIdOf(client), error)
    }
  }

  /**
   * What became of a transaction whose commit was not answered. It may still be open on the server, if the network failed
   * before the word reached it; then its session is ended, and it with it.
   * @throws StoreError `unavailable` if nobody can tell
   */
  async #lookUp(id: string, processId: number, lost: unknown): Promise<boolean> {
    const until = performance.now() + LOOK_UP_PATIENCE_MS
    while (performance.now() < until) {
      const status = await this.#statusOf(id, processId)
      if (status === 'committed') return true
      if (status === 'aborted') return false
      await sleep(LOOK_UP_PAUSE_MS)
    }
    throw storeErrorOf(lost)
  }

  async #statusOf(id: string, processId: number): Promise<string | null> {
    try {
      const { rows } = await this.#pool.query<[string | null]>({
        text: 'select pg_xact_status($1::xid8)',
        values: [id],
        rowMode: 'array',
      })
      const [status] = rows[0] as unknown as [string | null]
      if (status === 'in progress') {
        const end =
          'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_xid = ($2::xid8)::xid'
        await this.#pool.query(end, [processId, id])
      }
      return status
    } catch {
      return null
    }
  }
}

/** @throws what ended the transaction as a whole */
function judge(steps: Steps, results: readonly PromiseSettledResult<{ rowCount: number | null }>[]): Verdict {
  for (const [i, result] of results.entries()) {
    const { change, statement } = steps[i] as Step
    if (result.status === 'rejected') {
      const { reason } = result
      if (isAlreadyFailed(reason)) return 'undecided'
      if (isConnectionLost(reason)) throw reason
      if (isRace(reason)) throw new Retryable('lost a race', { cause: reason })
      return { error: storeErrorOf(reason, change), isFinal: isTimeout(reason) }
    }
    if (statement.expects !== undefined && result.value.rowCount !== statement.expects) {
      return { error: new StoreError('conflict', 'A guard did not hold', undefined, change), isFinal: false }
    }
  }
  return 'fine'
}

/** Undeclared by the types, and set since the connection was made. */
function processIdOf(client: PoolClient): number {
  return (client as unknown as { readonly processID: number }).processID
}

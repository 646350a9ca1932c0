import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool, PoolClient, QueryResult } from 'pg'
import { StoreError } from '../../core/errors.ts'
import type { Query, Step } from '../sql/prepare.ts'
import type { SqlValue } from '../sql/tables.ts'
import { runOf } from './connection.ts'
import { isAlreadyFailed, isConnectionLost, isRace, isTimeout, storeErrorOf } from './errors.ts'

/** The steps of one commit. */
export type Steps = readonly Step[]
/** What became of a commit: undefined if it stands. */
export type Fate = StoreError | undefined

/** What a commit met in a transaction; a group of them is only made if all are `fine`. */
type Verdict = 'fine' | 'undecided' | { readonly error: StoreError; readonly wouldFailAlone: boolean }

/** The COMMIT of a transaction was not answered: whether it was made has to be looked up. */
class Unanswered extends Error {
  readonly id: string
  /** Its connection, given back by now. */
  readonly from: PoolClient

  constructor(id: string, from: PoolClient, cause: unknown) {
    super('a commit was not answered', { cause })
    this.id = id
    this.from = from
  }
}

const ATTEMPTS = 6
/** Nothing is tried again later than this: whoever waits should hear something. */
const RETRY_PATIENCE_MS = 5000
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

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /**
   * Makes the commits, in one transaction if all can be made. One that fails is judged by itself, and fails alone.
   * No COMMIT is sent once `isGivenUp`: whoever waited goes on as if nothing had been done, and may undo what led to it.
   */
  async run(commits: readonly Steps[], isGivenUp: () => boolean): Promise<readonly Fate[]> {
    if (commits.length === 0) return []
    try {
      const verdicts = await this.#attemptPatiently(commits, isGivenUp)
      if (commits.length === 1 && verdicts[0] === 'undecided')
        throw new Error('a commit alone was not judged')
      const fates = verdicts.map((verdict) => (typeof verdict === 'object' ? verdict.error : undefined))
      if (commits.length === 1 || verdicts.every((verdict) => verdict === 'fine')) return fates
      for (const indexes of apart(verdicts)) {
        const again = await this.run(
          indexes.map((index) => commits[index] as Steps),
          isGivenUp,
        )
        for (const [i, index] of indexes.entries()) fates[index] = again[i]
      }
      return fates
    } catch (error) {
      return commits.map(() => storeErrorOf(error))
    }
  }

  /** Tries again what is known not to be made. @throws what ended the last attempt */
  async #attemptPatiently(commits: readonly Steps[], isGivenUp: () => boolean): Promise<readonly Verdict[]> {
    const until = performance.now() + RETRY_PATIENCE_MS
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#transact(commits, isGivenUp)
      } catch (error) {
        if (error instanceof Unanswered && (await this.#isMade(error))) return commits.map(() => 'fine')
        const isOver = attempt === ATTEMPTS || performance.now() > until
        if (isOver || !(isConnectionLost(error) || isRace(error))) throw error
        await sleep(FIRST_PAUSE_MS * 2 ** attempt * Math.random())
      }
    }
  }

  /** One transaction, made if every verdict is `fine` and otherwise undone. @throws Unanswered, and what ended it */
  async #transact(commits: readonly Steps[], isGivenUp: () => boolean): Promise<readonly Verdict[]> {
    const client = await this.#pool.connect()
    let isUsable = false
    try {
      const { id, verdicts } = await send(client, commits)
      if (verdicts.some((verdict) => verdict !== 'fine')) await client.query('rollback')
      else if (isGivenUp()) throw new StoreError('unavailable', 'The database does not answer')
      else await commit(client, id)
      isUsable = true
      return verdicts
    } finally {
      // A connection that met a failure of the whole transaction is closed, which undoes it, too.
      client.release(!isUsable)
    }
  }

  /**
   * Whether a transaction was made whose commit was not answered. It may still be open on the server, if the network failed
   * before the word reached it; then its session is ended, and it with it.
   * @throws StoreError `unavailable` if nobody can tell
   */
  async #isMade({ id, from, cause }: Unanswered): Promise<boolean> {
    const until = performance.now() + LOOK_UP_PATIENCE_MS
    while (performance.now() < until) {
      const found = await this.#statusOf(id, from).catch(() => undefined)
      if (found?.status === 'committed') {
        if (found.isOfRun) return true
        // A crash forgets what was not flushed, and gives the same numbers out again: this yes may be another's.
        break
      }
      if (found !== undefined && (found.status === 'aborted' || !found.isOfRun)) return false
      await sleep(LOOK_UP_PAUSE_MS)
    }
    throw storeErrorOf(cause)
  }

  /** As the server tells now, and whether it is still the run in which the number was given. @throws if it does not answer */
  async #statusOf(id: string, from: PoolClient): Promise<{ isOfRun: boolean; status: string | undefined }> {
    const client = await this.#pool.connect()
    let isUsable = false
    try {
      const isOfRun = runOf(client) === runOf(from)
      const { rows } = await client
        .query<{ status: string }>('select pg_xact_status($1::xid8) as status', [id])
        .catch((error) => {
          if (isOfRun || isConnectionLost(error)) throw error
          return { rows: [] } // The number was not given out again yet.
        })
      const status = rows[0]?.status
      if (isOfRun && status === 'in progress') {
        const end =
          'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_xid = ($2::xid8)::xid'
        await client.query(end, [processIdOf(from), id])
      }
      isUsable = true
      return { isOfRun, status }
    } finally {
      client.release(!isUsable)
    }
  }
}

/**
 * What to try again together: those that went well; each that failed, alone, since it may have failed for another's sake; and
 * those of which nobody knows.
 */
function apart(verdicts: readonly Verdict[]): readonly (readonly number[])[] {
  const having = (wanted: (verdict: Verdict) => boolean) =>
    verdicts.flatMap((verdict, index) => (wanted(verdict) ? [index] : []))
  return [
    having((verdict) => verdict === 'fine'),
    ...having((verdict) => typeof verdict === 'object' && !verdict.wouldFailAlone).map((index) => [index]),
    having((verdict) => verdict === 'undecided'),
  ]
}

/** Begins a transaction and runs the commits in it. @throws what ended the transaction as a whole */
async function send(client: PoolClient, commits: readonly Steps[]) {
  const begun = client.query('begin isolation level read committed')
  const identified = client.query<[string]>({
    name: 'transaction-id',
    text: 'select pg_current_xact_id()::text',
    rowMode: 'array',
  })
  const sent = commits.map((steps) =>
    Promise.allSettled(steps.map(({ statement, values }) => client.query(namedQuery(statement, values)))),
  )
  // Whatever fails, all answers are taken first: only then is the transaction over.
  const [answers] = await Promise.all([Promise.all(sent), Promise.allSettled([begun, identified])])
  await begun
  const { rows } = await identified
  const verdicts = answers.map((results, i) => judge(commits[i] as Steps, results))
  return { id: (rows[0] as unknown as [string])[0], verdicts }
}

/** @throws Unanswered; Error if the server undid it instead */
async function commit(client: PoolClient, id: string): Promise<void> {
  const { command } = await client.query('commit').catch((error) => {
    throw isConnectionLost(error) ? new Unanswered(id, client, error) : error
  })
  if (command !== 'COMMIT') throw new Error('The server rolled the transaction back')
}

/** @throws what ended the transaction as a whole */
function judge(steps: Steps, results: readonly PromiseSettledResult<QueryResult>[]): Verdict {
  for (const [i, result] of results.entries()) {
    const { change, statement } = steps[i] as Step
    if (result.status === 'rejected') {
      const { reason } = result
      if (isAlreadyFailed(reason)) return 'undecided'
      if (isConnectionLost(reason) || isRace(reason)) throw reason
      return { error: storeErrorOf(reason, change), wouldFailAlone: isTimeout(reason) }
    }
    if (statement.expects !== undefined && result.value.rowCount !== statement.expects) {
      const error = new StoreError('conflict', 'A guard did not hold', undefined, change)
      return { error, wouldFailAlone: false }
    }
  }
  return 'fine'
}

/** With a name, under which a connection prepares it once. */
export function namedQuery({ id, sql }: Pick<Query<never>, 'id' | 'sql'>, values: readonly SqlValue[]) {
  return { name: `q${id}`, text: sql, values: values as SqlValue[], rowMode: 'array' as const }
}

/** Undeclared by the types, and set since the connection was made. */
function processIdOf(client: PoolClient): number {
  return (client as unknown as { readonly processID: number }).processID
}

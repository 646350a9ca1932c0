import { query } from '../postgres.ts'

/** What a node holds as long as it lives, and nobody else may have. */
export interface Held {
  /** Blobs that it is receiving. */
  readonly attempts: number
  /** Idempotent requests that it has not answered. */
  readonly requests: number
}

/** Locks by the name of the session that holds them, as src/metadata/postgres/node.ts takes them; a long number is two columns. */
const LOCKS = `select application_name as name, objid::int as id from pg_locks join pg_stat_activity using (pid)
  where datname = current_database() and locktype = 'advisory' and granted`
const SESSIONS = 'select from pg_stat_activity where datname = current_database() and application_name = $1'
const NODE_LOCKS = 'classid = 721042085 and objsubid = 2'
const LEADER_LOCK = 'classid = 1 and objid = 2915453545 and objsubid = 1'

/** What the database of several servers says about them, asked without the code that is tested. */
export class NodesDatabase {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** The server with this `application_name`; undefined: it holds no lock. */
  async nodeOf(name: string): Promise<number | undefined> {
    const text = `${LOCKS} and ${NODE_LOCKS} and mode = 'ShareLock' and application_name = $1`
    const [lock] = await this.#query<{ id: number }>(text, [name])
    return lock?.id
  }

  /** By `application_name`. */
  async leader(): Promise<string | undefined> {
    const [lock] = await this.#query<{ name: string }>(`${LOCKS} and ${LEADER_LOCK}`)
    return lock?.name
  }

  async hasSessionOf(name: string): Promise<boolean> {
    return (await this.#query(SESSIONS, [name])).length > 0
  }

  async isBusyFor(name: string): Promise<boolean> {
    return (await this.#query(`${SESSIONS} and state = 'active'`, [name])).length > 0
  }

  /** All that count as living or are not buried yet. */
  async nodes(): Promise<number[]> {
    const rows = await this.#query<{ id: number }>('select id::int from nodes')
    return rows.map(({ id }) => id)
  }

  async heldBy(nodes: readonly number[]): Promise<Held> {
    const text = `select
      (select count(*)::int from unreferenced_blobs where intended = 1 and node = any($1)) as attempts,
      (select count(*)::int from answers where status is null and node = any($1)) as requests`
    const [held] = await this.#query<Held>(text, [nodes])
    return held as Held
  }

  /** Keys of attempts that nobody can go on with any more, for which nothing is reserved and that are still to be removed. */
  async listTakenFrom(nodes: readonly number[]): Promise<string[]> {
    const text = `select key from unreferenced_blobs
      where collecting = 1 and may_come_late = 1 and reserved_bytes is null and node = any($1)`
    return (await this.#query<{ key: string }>(text, [nodes])).map(({ key }) => key)
  }

  #query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return query<Row>(this.#url, text, values)
  }
}

import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type QueryResultRow } from 'pg'
import type { Clock } from '../../core/ports/clock.ts'
import type { JoinOptions, LivingNode, Node, NodeProfile } from '../../core/ports/node.ts'
import { FollowedClock } from '../../core/time/followed-clock.ts'
import { sessionSettings } from './connection.ts'
import { PostgresTokens } from './tokens.ts'

/** The space of locks of which each living node holds the one of its id; the numbers are ours and nobody else's. */
const NODE_LOCKS = 721_042_085
/** Whoever holds this one leads. */
const LEADER_LOCK = 7_210_420_841
/** The id of the node whose session holds the lock of the leader, by the locks that each session has. */
const LEADER_ID = `(select own.objid::bigint from pg_locks as leader join pg_locks as own using (pid, database)
  where leader.locktype = 'advisory' and leader.granted and leader.objsubid = 1
    and (leader.classid::bigint << 32) + leader.objid::bigint = ${LEADER_LOCK}
    and own.locktype = 'advisory' and own.objsubid = 2 and own.classid::bigint = ${NODE_LOCKS}
    and own.database = (select oid from pg_database where datname = current_database()) limit 1)`
const BEAT_MS = 1000
/** The database ends the session, and with it the locks, of a node that it has not heard of for so long. */
const SILENCE_MS = 10_000
/** A node gives up its session, and leading, well before the database does. */
const ANSWER_TIMEOUT_MS = 5000
/** A node that was not seen for so long does not count as one that takes requests. */
const ABSENCE_MS = 5000
/** A node whose lock is free may be about to come back. */
const GRACE_MS = 15_000
/** A server that does not answer does not end a session either. */
const FAREWELL_MS = 1000
/** Any bucket is full after a second without use. */
const IDLE_LIMIT_MS = 60_000
const IDLE_LIMITS_AT_ONCE = 1000
const MAX_ID = 2 ** 31 - 1

/** The time of the database, the only clock that all nodes share. */
export const EXACT_PRESENT = '(extract(epoch from clock_timestamp()) * 1000)::float8'
const PRESENT = `(${EXACT_PRESENT})::bigint`

export interface PostgresNodeOptions extends JoinOptions {
  readonly graceMs?: number
}

const NO_PROFILE: NodeProfile = { rootKeyHash: null, settings: {} }
/**
 * What each node adds to its profile: it knows files whose bytes are `segments`, keeps `hiddenFiles` from those who do not see
 * them, and knows the `roles` of viewers and operators, and keys that end.
 */
const ABILITIES = { segments: true, hiddenFiles: true, roles: true }
export type Abilities = { readonly [Name in keyof typeof ABILITIES]: boolean }

/** A node of a release without profiles has nothing. */
const ALL_HAVE = Object.keys(ABILITIES)
  .map((name) => `coalesce(bool_and(coalesce(profile::jsonb ? '${name}', false)), true) as "${name}"`)
  .join(', ')
export const ABILITIES_OF_ALL = `select ${ALL_HAVE} from nodes`

interface Leadership {
  readonly since: number
  readonly end: () => Promise<void>
}

/**
 * A node proves that it lives by a row with the time at which it was last seen, and by locks of a session of its own, which
 * end with the process or the session. Where both say so it is dead. A node that was taken for dead and is not comes back
 * under the same id; what was taken from it meanwhile it cannot claim any more.
 */
export class PostgresNode implements Node {
  /** Of this process, also if its session has to be made anew. */
  readonly id = randomInt(1, MAX_ID)
  readonly tokens: PostgresTokens
  readonly clock = new FollowedClock()
  /** What each node that may live has, as of the last beat. */
  allHave: Abilities = { segments: false, hiddenFiles: false, roles: false }
  readonly #url: string
  readonly #graceMs: number
  readonly #limitClock: Clock | undefined
  readonly #profile: string
  #client: Client | undefined
  #begin: (() => () => Promise<void>) | undefined
  #leadership: Leadership | undefined
  /** Of the leadership before, whose last work may go on. */
  #ending: Promise<void> | undefined
  #lastQuery: Promise<unknown> = Promise.resolve()
  #beating: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #nodes = 1
  #leaving: Promise<void> | undefined

  private constructor(url: string, { clock, profile = NO_PROFILE, graceMs = GRACE_MS }: PostgresNodeOptions) {
    this.#url = url
    this.#graceMs = graceMs
    this.#profile = JSON.stringify({ ...profile, ...ABILITIES })
    this.#limitClock = clock
    this.tokens = new PostgresTokens(url, () => this.#nodes, clock)
  }

  /** @throws Error if the database does not answer */
  static async join(url: string, options: PostgresNodeOptions = {}): Promise<PostgresNode> {
    const node = new PostgresNode(url, options)
    try {
      await node.#beat()
    } catch (error) {
      await node.leave()
      throw error
    }
    node.#timer = setInterval(() => node.#beatAgain(), BEAT_MS).unref()
    return node
  }

  lead(begin: () => () => Promise<void>): void {
    this.#begin = begin
    void Promise.resolve(this.#beating).then(() => this.#beatAgain())
  }

  async buryDead(): Promise<number> {
    const since = this.#leadership?.since
    // If the database was away nobody was seen: all have had the time to come back.
    if (this.#client === undefined || since === undefined || performance.now() - since < this.#graceMs)
      return 0
    const { rowCount } = await this.#query(
      this.#client,
      `delete from nodes where seen_at < ${PRESENT} - $1 and pg_try_advisory_xact_lock(${NODE_LOCKS}, id::int)`,
      [this.#graceMs],
    )
    return rowCount ?? 0
  }

  /** @throws Error while the database is away */
  async listProfiles(): Promise<readonly (NodeProfile | undefined)[]> {
    if (this.#client === undefined) throw new Error('The database is away; nobody knows which servers live.')
    const { rows } = await this.#query<{ profile: string | null }>(this.#client, 'select profile from nodes')
    return rows.map(({ profile }) => (profile === null ? undefined : (JSON.parse(profile) as NodeProfile)))
  }

  /** @throws Error while the database is away */
  async listNodes(): Promise<readonly LivingNode[]> {
    if (this.#client === undefined) throw new Error('The database is away; nobody knows which servers live.')
    const { rows } = await this.#query<{
      id: number
      seenAt: number
      version: string | null
      leads: boolean
    }>(
      this.#client,
      `select id::float8 as id, seen_at::float8 as "seenAt", profile::jsonb ->> 'version' as version,
        coalesce(id = ${LEADER_ID}, false) as leads from nodes order by seen_at, id`,
    )
    return rows.map((row) => ({ ...row, isThis: row.id === this.id }))
  }

  async forgetIdleLimits(): Promise<number> {
    if (this.#client === undefined) return 0
    // A bucket that a statement takes tokens from at this moment is skipped.
    const { rowCount } = await this.#query(
      this.#client,
      `delete from rate_buckets where name in (
        select name from rate_buckets where filled_at < coalesce($1, ${PRESENT}) - $2::int limit $3
        for update skip locked)`,
      [this.#limitClock?.machineNow() ?? null, IDLE_LIMIT_MS, IDLE_LIMITS_AT_ONCE],
    )
    return rowCount ?? 0
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  async #leave(): Promise<void> {
    clearInterval(this.#timer)
    await this.#beating
    this.#resign()
    await this.#ending
    const client = this.#client
    this.#client = undefined
    await client?.query('delete from nodes where id = $1', [this.id]).catch(() => undefined)
    await Promise.race([client?.end().catch(() => undefined), sleep(FAREWELL_MS, undefined, { ref: false })])
    await this.tokens.close()
  }

  /** A beat that fails has closed its session; the next one opens another. */
  #beatAgain(): void {
    this.#beating ??= this.#beat()
      .catch(() => undefined)
      .finally(() => {
        this.#beating = undefined
      })
  }

  async #beat(): Promise<void> {
    if (this.#leaving) return
    this.#client ??= await this.#connect()
    const client = this.#client
    try {
      await this.#query(
        client,
        `insert into nodes (id, seen_at, profile) values ($1, ${PRESENT}, $2)
        on conflict (id) do update set seen_at = excluded.seen_at`,
        [this.id, this.#profile],
      )
      this.#nodes = Math.max(1, await this.#lookAround(client))
      await this.#tryToLead(client)
    } catch (error) {
      this.#lose(client)
      throw error
    }
  }

  /** Measures the clock of the database. @returns how many nodes take requests */
  async #lookAround(client: Client): Promise<number> {
    // The time of others' queries is not a part of the round trip.
    await this.#lastQuery
    const askedAt = performance.now()
    const { rows } = await this.#query<Abilities & { nodes: number; present: number }>(
      client,
      `select count(*) filter (where seen_at >= ${PRESENT} - ${ABSENCE_MS}) as nodes, ${ALL_HAVE},
        ${EXACT_PRESENT} as present from nodes`,
    )
    const [found] = rows
    if (found === undefined) return 0
    this.clock.note(found.present, askedAt, performance.now())
    this.allHave = found
    return found.nodes
  }

  /** A session takes no query while it answers another. */
  #query<R extends QueryResultRow>(client: Client, text: string, values: readonly unknown[] = []) {
    const answer = this.#lastQuery.then(() => client.query<R>(text, [...values]))
    this.#lastQuery = answer.catch(() => undefined)
    return answer
  }

  /** What nodes do to files of each other depends on the time: whoever does not know it leaves that to another. */
  async #tryToLead(client: Client): Promise<void> {
    if (!this.clock.isKnown()) return this.#stopLeading(client)
    const begin = this.#begin
    if (begin === undefined || this.#leadership !== undefined || this.#ending !== undefined) return
    const lock = 'select pg_try_advisory_lock($1) as leads'
    const { rows } = await this.#query<{ leads: boolean }>(client, lock, [LEADER_LOCK])
    // The session may have ended with the answer, and the lock with it.
    if (rows[0]?.leads && this.#client === client)
      this.#leadership = { since: performance.now(), end: begin() }
  }

  #stopLeading(client: Client): void {
    if (this.#leadership === undefined) return
    this.#resign()
    const unlock = () => this.#query(client, 'select pg_advisory_unlock($1)', [LEADER_LOCK])
    // Not awaited: the last work may take long, and the node has to be seen meanwhile. If this fails the session is lost.
    this.#ending?.then(unlock).catch(() => undefined)
  }

  async #connect(): Promise<Client> {
    const client = new Client({ ...sessionSettings(this.#url), query_timeout: ANSWER_TIMEOUT_MS })
    client.on('error', () => this.#lose(client))
    client.on('end', () => this.#lose(client))
    try {
      await client.connect()
      // That a node was seen need not survive a power cut.
      await client.query(`set synchronous_commit = off; set idle_session_timeout = ${SILENCE_MS}`)
      await client.query('select pg_advisory_lock_shared($1, $2)', [NODE_LOCKS, this.id])
      return client
    } catch (error) {
      void client.end().catch(() => undefined)
      throw error
    }
  }

  #lose(client: Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    this.#resign()
    void client.end().catch(() => undefined)
  }

  #resign(): void {
    const leadership = this.#leadership
    this.#leadership = undefined
    if (leadership === undefined) return
    this.#ending = leadership.end().finally(() => {
      this.#ending = undefined
    })
  }
}

import { type ClientBase, DatabaseError, Pool, type PoolConfig, types } from 'pg'

/** Everything below this lacks `pg_current_xact_id` or is not maintained any more. */
const OLDEST_VERSION = 14
const CONNECT_TIMEOUT_MS = 5000
/** The longest that a statement may take; the longest one is a count by a filter that no index serves. */
const STATEMENT_TIMEOUT_MS = 15_000
/** Somebody else's lock on a row is waited for this long. */
const LOCK_TIMEOUT_MS = 5000
/** A transaction of a process that the network has cut off ends after this, and gives its locks back. */
const IDLE_TRANSACTION_TIMEOUT_MS = 10_000
/** For a server that does not answer at all: less than the 20 s in which every request is answered. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 2000
const IDLE_CONNECTION_MS = 60_000
const INT8_OID = 20

/** Of each process: together with the ones for writing they have to fit below `max_connections` of the server. */
export const READING_CONNECTIONS = 10
export const WRITING_CONNECTIONS = 6

/** How long a commit is waited for: as long as one statement may take, if the URL does not allow statements more. */
export function commitPatienceMs(url: string): number {
  const given = Number(new URL(url).searchParams.get('statement_timeout'))
  return given > 0 ? Math.min(given, STATEMENT_TIMEOUT_MS) : STATEMENT_TIMEOUT_MS
}

/** Connections for reading, one query each at a time, or for writing, where queries follow without waiting. */
export function openPool(url: string, purpose: 'read' | 'write'): Pool {
  const pool = new Pool({
    ...sessionSettings(url),
    max: purpose === 'read' ? READING_CONNECTIONS : WRITING_CONNECTIONS,
    pipeline: purpose === 'write',
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    // A process may end while the store is idle.
    allowExitOnIdle: true,
    onConnect: requireSoundSession,
  })
  // The query that uses a lost connection rejects, and the pool opens another: these events need no handling.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/** What every session has; the parameters of the URL win over it. */
export function sessionSettings(url: string): PoolConfig {
  return {
    connectionString: url,
    application_name: 'entrepot',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: { getTypeParser },
  }
}

/** 64-bit integers as numbers, exactly. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): unknown {
  return oid === INT8_OID ? toSafeInteger : types.getTypeParser(oid, format as 'text')
}

function toSafeInteger(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  throw new RangeError(`The integer ${text} is too large`)
}

/**
 * An acknowledged commit has to be on the disk of the server, whatever the server, database or role has for a default.
 * @throws Error with a sentence for the operator
 */
export async function requireSoundSession(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{
    version: number
    encoding: string
    standby: boolean
    flush: string
    run: string
  }>(`
    select ${RUN} as run, current_setting('server_version_num')::int / 10000 as version,
      current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby,
      case current_setting('synchronous_commit') when 'off' then set_config('synchronous_commit', 'on', false)
      else current_setting('synchronous_commit') end as flush`)
  const [session] = rows
  if (session === undefined || session.version < OLDEST_VERSION) {
    throw new Error(`The database is PostgreSQL ${session?.version}; ${OLDEST_VERSION} or newer is needed.`)
  }
  if (session.encoding !== 'UTF8') {
    throw new Error(`The database has the encoding ${session.encoding}; make one with the encoding UTF8.`)
  }
  if (session.standby) throw new Error('The database is a read-only standby; name the primary.')
  if (session.flush === 'off') throw new Error('The database does not let synchronous_commit be on.')
  runs.set(client, session.run)
}

/** Since when the server runs, and since when it counts: it begins anew after a crash, which not all of it need notice. */
const RUN = `pg_postmaster_start_time()::text || ' ' || (select stats_reset::text from pg_stat_bgwriter)`
const runs = new WeakMap<ClientBase, string>()

/** From one start or crash of the server to the next, or to a failover: numbers of transactions mean nothing beyond. */
export function runOf(client: ClientBase): string | undefined {
  return runs.get(client)
}

/** Why a first connection failed, in a sentence for the operator, without the password. */
export function openingFailure(url: string, error: unknown): Error {
  const { hostname, port, username, pathname } = new URL(url)
  const where = `${hostname || 'localhost'}:${port || 5432}`
  const { code, message } = error as { code?: string; message: string }
  const sentences: Readonly<Record<string, string>> = {
    '28P01': `refused the password of the user "${decodeURIComponent(username)}"; correct ENTREPOT_DATABASE_URL.`,
    '28000': `does not let the user "${decodeURIComponent(username)}" in (${message}); see its pg_hba.conf.`,
    '3D000': `has no database "${decodeURIComponent(pathname.slice(1))}"; create it first.`,
    '53300': 'has no connections left; raise its max_connections.',
    '57P03': `is not ready yet (${message}); try again.`,
    '42501': `does not let the user "${decodeURIComponent(username)}" make tables (${message}).`,
  }
  const sentence = sentences[code ?? '']
  if (sentence !== undefined) return new Error(`The database server ${where} ${sentence}`, { cause: error })
  if (error instanceof DatabaseError || (code === undefined && !/timeout|terminated/i.test(message))) {
    return error as Error
  }
  const why = code ?? message
  return new Error(`The database server ${where} cannot be reached (${why}); see ENTREPOT_DATABASE_URL.`, {
    cause: error,
  })
}

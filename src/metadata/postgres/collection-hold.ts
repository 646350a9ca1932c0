import { Client } from 'pg'
import type { CollectionHold } from '../../core/ports/metadata-store.ts'
import { openingFailure, sessionSettings } from './connection.ts'

/** Holders share it; the number is ours and nobody else's. */
const HOLD_LOCK = 7_210_420_842
const BEAT_MS = 10_000
/** The database ends the session, and with it the lock, of a holder that it has not heard of for so long. */
const SILENCE_MS = 60_000
const ANSWER_TIMEOUT_MS = 5000

/** Two who ask at once may each take the other for a holder, which only delays a collection. */
export const COLLECTION_IS_HELD = `select not pg_try_advisory_xact_lock(${HOLD_LOCK}) as held`

/** An advisory lock in a session of its own, which ends with the process. @throws Error if the database does not answer */
export async function holdCollection(url: string): Promise<CollectionHold> {
  const client = new Client({ ...sessionSettings(url), query_timeout: ANSWER_TIMEOUT_MS })
  let isLost = false
  const lose = () => {
    isLost = true
  }
  client.on('error', lose)
  client.on('end', lose)
  try {
    await client.connect()
    await client.query(`set idle_session_timeout = ${SILENCE_MS}`)
    await client.query('select pg_advisory_lock_shared($1)', [HOLD_LOCK])
  } catch (error) {
    await client.end().catch(() => undefined)
    throw openingFailure(url, error)
  }
  const beat = setInterval(() => void client.query('select').catch(lose), BEAT_MS).unref()
  return {
    requireHeld() {
      if (isLost)
        throw new Error(
          'The connection to the database was lost, and bytes may have been removed; try again.',
        )
    },
    async release() {
      clearInterval(beat)
      await client.end().catch(() => undefined)
    },
  }
}

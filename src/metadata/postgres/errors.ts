import { DatabaseError } from 'pg'
import { StoreError, type StoreErrorCode } from '../../core/errors.ts'
import { storeFailure } from '../sql/store-failure.ts'
import { READ_ONLY_STATE } from './read-only-state.ts'

/** Codes by SQLSTATE, or by its class, the first two characters (postgresql.org/docs/current/errcodes-appendix.html). */
const codes: Readonly<Record<string, StoreErrorCode>> = {
  '22': 'refused', // data exception
  '23': 'refused', // integrity constraint violation
  '23503': 'conflict', // foreign key: the row depends on another commit, so it is a lost race
  '23505': 'conflict', // unique
  '53100': 'full', // disk full
  [READ_ONLY_STATE]: 'read-only',
  '54': 'refused', // program limit exceeded, such as a text too long for an index
}

/** Serialization failure and deadlock: nothing was done, and doing it again can succeed. */
const RACES = ['40001', '40P01']
/** A text with U+0000, and the same inside JSON. */
const UNSTORABLE_TEXTS = ['22021', '22P05']
/** The transaction failed at an earlier statement, so this one was not looked at. */
const ALREADY_FAILED = '25P02'
/** Lock not available, query canceled: waited long enough. */
const TIMEOUTS = ['55P03', '57014']
/** What the server says when it ends the session, or is or has become one that does not write. */
const ENDINGS = /^(08|57P|25006$|53300$)/

function stateOf(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined
}

/** `change` is the kind of the change that met the error, if it was one. */
export function storeErrorOf(error: unknown, change?: string): StoreError {
  if (error instanceof StoreError) return error
  const state = stateOf(error)
  const code = codes[state ?? ''] ?? codes[state?.slice(0, 2) ?? ''] ?? 'unavailable'
  const cause = state === undefined ? error : new Error(`${(error as Error).message} (SQLSTATE ${state})`)
  return storeFailure(code, cause, change)
}

/** The session is over, or was never begun, or must not be used again: another one may succeed. */
export function isConnectionLost(error: unknown): boolean {
  const state = stateOf(error)
  if (state === undefined) return !(error instanceof StoreError)
  return ENDINGS.test(state) || ['FATAL', 'PANIC'].includes((error as DatabaseError).severity ?? '')
}

export function isRace(error: unknown): boolean {
  return RACES.includes(stateOf(error) ?? '')
}

export function isTimeout(error: unknown): boolean {
  return TIMEOUTS.includes(stateOf(error) ?? '')
}

export function isAlreadyFailed(error: unknown): boolean {
  return stateOf(error) === ALREADY_FAILED
}

/** No row can hold such a text, so a query that names one finds nothing. */
export function isUnstorableText(error: unknown): boolean {
  return UNSTORABLE_TEXTS.includes(stateOf(error) ?? '')
}

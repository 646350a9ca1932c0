import { constants } from 'node:os'
import type { StoreError } from '../../core/errors.ts'
import { storeFailure } from '../sql/store-failure.ts'

type FailureCode = 'conflict' | 'full' | 'unavailable' | 'read-only' | 'refused'

/** What an error of SQLite means for the commit or read that met it. */
export interface SqliteFailure {
  readonly code: FailureCode
  readonly message: string
  /** Only the statement was undone; the transaction around it goes on. */
  readonly local: boolean
  /**
   * What is on the disk is no longer known, or no longer sound: nothing may be written after this. Of `full`: unless it
   * succeeds with more room.
   */
  readonly fatal: boolean
}

/** Primary result codes, the low byte of the extended ones (sqlite.org/rescode.html). */
const codes: Readonly<Record<number, Pick<SqliteFailure, 'code'> & Partial<SqliteFailure>>> = {
  5: { code: 'unavailable' }, // BUSY
  6: { code: 'unavailable' }, // LOCKED
  7: { code: 'unavailable' }, // NOMEM
  10: { code: 'unavailable', fatal: true }, // IOERR
  11: { code: 'unavailable', fatal: true }, // CORRUPT
  13: { code: 'full' }, // FULL
  18: { code: 'refused', local: true }, // TOOBIG
  19: { code: 'refused', local: true }, // CONSTRAINT
  20: { code: 'refused', local: true }, // MISMATCH
  26: { code: 'unavailable', fatal: true }, // NOTADB
}

/** IOERR_SHMSIZE: the index of the log could not grow. */
const SHARED_MEMORY_FULL = 4874
/** IOERR_WRITE: a fault of the disk, but also how SQLite tells a user's quota (EDQUOT) or size limit (EFBIG). */
const WRITE_FAILED = 778

/** Extended codes that mean something else than their primary one. */
const extendedCodes: typeof codes = {
  [SHARED_MEMORY_FULL]: { code: 'full' },
  [WRITE_FAILED]: { code: 'full', fatal: true },
}

/** CONSTRAINT_FOREIGNKEY, _PRIMARYKEY, _UNIQUE: the row depends on another commit, so it is a lost race. */
const conflicts: readonly number[] = [787, 1555, 2067]
/** CONSTRAINT_TRIGGER: the only triggers of ours that raise are those of `refuseWrites`. */
const RAISED = 1811

export function sqliteFailure(error: unknown): SqliteFailure {
  const { errcode, message } = error as { errcode?: number; message: string }
  // No code: node:sqlite refused a value before SQLite saw it.
  if (errcode === undefined) return { code: 'refused', message, local: true, fatal: false }
  const known = extendedCodes[errcode] ?? codes[errcode & 0xff] ?? { code: 'unavailable' }
  const code = conflicts.includes(errcode) ? 'conflict' : errcode === RAISED ? 'read-only' : known.code
  return { local: false, fatal: false, ...known, code, message: `${message} (SQLite code ${errcode})` }
}

const [CORRUPT, NOTADB] = [11, 26]

/** Whether SQLite says, here or in what caused it, that a file is not what it wrote. */
export function isDamage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { errcode = 0 } = error as { errcode?: number }
  return [CORRUPT, NOTADB].includes(errcode & 0xff) || isDamage(error.cause)
}

/** `path` is that of the database; `change` as in `storeFailure`. */
export function storeErrorOf(
  { code, message }: Pick<SqliteFailure, 'code' | 'message'>,
  path: string,
  change?: string,
): StoreError {
  const cause = code === 'full' ? noSpace(path, message) : new Error(message)
  return storeFailure(code, cause, change)
}

/** SQLite's own messages do not say which file they are about; the start tells by `path` where to make room. */
export function noSpace(path: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code: 'ENOSPC', errno: -constants.errno.ENOSPC, path })
}

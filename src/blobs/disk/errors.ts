import { StoreError, type StoreErrorCode } from '../../core/errors.ts'

const codes: Readonly<Record<string, StoreErrorCode>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EFBIG: 'full',
  EEXIST: 'refused',
}

/** The errno name of a failed system call, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Translates a failed system call. What is not known to be final is `unavailable`: an operator can mend it. */
export function diskError(action: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error
  const errno = errnoOf(error)
  return new StoreError(codes[errno ?? ''] ?? 'unavailable', `cannot ${action}: ${errno ?? error}`, error)
}

/** Awaits a system call and translates its failure. */
export async function onDisk<T>(action: string, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw diskError(action, error)
  }
}

/** False where there was nothing to remove, or nothing to find. Other failures stay what they are. */
export async function unlessMissing(call: Promise<unknown>): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}

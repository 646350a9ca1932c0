import { StoreError, type StoreErrorCode } from '../../core/errors.ts'

const sentences: Readonly<Partial<Record<StoreErrorCode, string>>> = {
  conflict: 'The change does not fit the current state',
  full: 'The database has no space left',
  refused: 'The database refused the change',
  'read-only': 'The database takes no commits while it is moved',
}

/** What a database's failure is to the core. `change` is the kind of the change that met it, if it was one. */
export function storeFailure(code: StoreErrorCode, cause: unknown, change?: string): StoreError {
  const sentence = sentences[code] ?? 'The database failed'
  return new StoreError(code, sentence, cause, code === 'conflict' ? change : undefined)
}

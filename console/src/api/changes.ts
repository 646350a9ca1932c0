import type { ExpiryRule, FileBody } from './bodies.ts'

/** What can be changed of a file, as `PATCH` takes it. */
export interface Change {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly description?: string | null
  readonly purpose?: string | null
  readonly expiresAt?: string | null
  readonly expiry?: ExpiryRule
}

/** What makes the changed fields as they were. */
export function oppositeOf(file: FileBody, change: Change): Change {
  const { name, labels, description, purpose } = file
  return {
    ...(change.name === undefined ? {} : { name }),
    ...(change.labels === undefined ? {} : { labels }),
    ...(change.description === undefined ? {} : { description }),
    ...(change.purpose === undefined ? {} : { purpose }),
    ...(change.expiresAt === undefined && change.expiry === undefined ? {} : endOf(file)),
  }
}

/** An end that follows a rule goes on to follow it. */
function endOf({ expiresAt, expiry }: FileBody): Change {
  return expiry.policy === 'never' || expiry.policy === 'at' ? { expiresAt } : { expiry }
}

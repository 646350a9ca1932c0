import { randomUUID } from 'node:crypto'
import { isStoreError } from '../errors.ts'
import type { Services } from '../services.ts'
import { type ApiKey, hashSecret, newSecret, type Role } from './api-key.ts'
import type { Scope } from './scope.ts'

export interface IssueKey {
  readonly name: string
  readonly organizationId: string
  /** At least one; the first is the default. */
  readonly projectIds: readonly string[]
  readonly userId: string | null
  readonly role: Role
  /** Empty means all. */
  readonly scopes: readonly Scope[]
}

/**
 * Makes a key. The secret is in the answer and nowhere else: it cannot be shown again.
 * @throws StoreError `conflict` if there is a key of this id
 */
export async function issueKey(
  { metadata, clock }: Pick<Services, 'metadata' | 'clock'>,
  input: IssueKey,
  id: string = randomUUID(),
): Promise<{ readonly key: ApiKey; readonly secret: string }> {
  const secret = newSecret()
  const key: ApiKey = {
    ...input,
    id,
    hash: hashSecret(secret),
    createdAt: clock.now(),
    revokedAt: null,
  }
  await metadata.commit([{ kind: 'key.insert', key }]).catch(async (error) => {
    // A commit whose answer was lost may stand, and with it a key that nobody could ever use.
    if (isStoreError(error, 'conflict') || (await metadata.findKey(key.hash)) === undefined) throw error
  })
  return { key, secret }
}

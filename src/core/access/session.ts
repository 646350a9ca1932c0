import { randomBytes } from 'node:crypto'
import { type Caller, callerOf } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import { SECOND_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import { hashSecret } from './api-key.ts'

export interface StartedSession {
  /** 256 random bits; goes into a cookie and is kept only as its SHA-256. */
  readonly value: string
  readonly expiresAt: number
}

/** Lets a browser act with a key without holding it. Ends with the session, or at once when the key is revoked. */
export async function startSession(
  services: Services,
  caller: Caller,
  seconds: number,
): Promise<StartedSession> {
  const value = randomBytes(32).toString('base64url')
  const expiresAt = services.clock.now() + seconds * SECOND_MS
  await services.metadata.commit([
    { kind: 'session.insert', session: { hash: hashSecret(value), keyId: caller.keyId, expiresAt } },
  ])
  return { value, expiresAt }
}

/**
 * @throws ServiceError `unauthenticated` if the session is unknown or over, or its key revoked; `rate-limited` instead if
 *   there are many of these
 */
export async function authenticateSession(
  { metadata, clock, guesses }: Services,
  value: string,
): Promise<Caller> {
  const key = await metadata.findSessionKey(hashSecret(value), clock.now())
  if (key !== undefined && key.revokedAt === null) return callerOf(key)
  guesses.count()
  throw new ServiceError('unauthenticated', 'Invalid authentication token')
}

/** Ends a session; one that is over, or never was, writes nothing. @throws ServiceError `rate-limited` for many of these */
export async function endSession({ metadata, clock, guesses }: Services, value: string): Promise<void> {
  const hash = hashSecret(value)
  if ((await metadata.findSessionKey(hash, clock.now())) === undefined) return guesses.count()
  await metadata.commit([{ kind: 'session.delete', hash }])
}

import { randomBytes } from 'node:crypto'
import type { Caller } from '../caller.ts'
import { SECOND_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import { callerWith, hashSecret } from './admit.ts'

export interface StartedSession {
  /** 256 random bits; goes into a cookie and is kept only as its SHA-256. */
  readonly value: string
  readonly expiresAt: number
}

/** Lets a browser act with a key without holding it. Ends with the session, or at once when the key is revoked. */
export async function startSession(
  { metadata, clock }: Services,
  { keyId }: Caller,
  seconds: number,
): Promise<StartedSession> {
  const value = randomBytes(32).toString('base64url')
  const expiresAt = clock.now() + seconds * SECOND_MS
  await metadata.commit([{ kind: 'session.insert', session: { hash: hashSecret(value), keyId, expiresAt } }])
  return { value, expiresAt }
}

/** @throws ServiceError like `authenticate`, also if the session is over */
export async function authenticateSession(services: Services, value: string): Promise<Caller> {
  const { metadata, clock } = services
  const key = await metadata.findSessionKey(hashSecret(value), clock.now())
  return callerWith(services, key, 'Invalid authentication token')
}

/** Ends a session; one that is over, or never was, writes nothing. @throws ServiceError `rate-limited` for many of these */
export async function endSession({ metadata, clock, guesses }: Services, value: string): Promise<void> {
  const hash = hashSecret(value)
  if ((await metadata.findSessionKey(hash, clock.now())) === undefined) return guesses.count()
  await metadata.commit([{ kind: 'session.delete', hash }])
}

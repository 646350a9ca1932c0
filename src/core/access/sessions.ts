import { randomBytes } from 'node:crypto'
import type { Caller, CallerSession } from '../caller.ts'
import { ServiceError, StoreError } from '../errors.ts'
import { type Listed, listed } from '../listed.ts'
import { MINUTE_MS, SECOND_MS } from '../ports/clock.ts'
import type { FoundSession, Grant, Session, SessionFilter, SessionPage } from '../ports/sessions.ts'
import type { Services } from '../services.ts'
import { callerOfGrant, callerWith, hashSecret } from './admit.ts'
import { isAtLeast, isValidKey } from './keys.ts'

const MAX_USER_AGENT_CHARACTERS = 300
/** How old the time may be at which a session was seen: each note of it is a write. */
const SEEN_PERIOD_MS = 5 * MINUTE_MS
/** Hex digits of the hash that the id shows. */
const ID_DIGITS = 32
/** Of one request: each is looked up. */
const MAX_VALUES = 4

export interface StartedSession {
  /** 256 random bits; goes into a cookie and is kept only as its SHA-256. */
  readonly value: string
  readonly session: CallerSession
}

export interface StartSession {
  /** What the session stands for: a key, or what was granted to somebody who has none. */
  readonly holder: { readonly keyId: string } | Grant
  readonly seconds: number
  /** As the browser sent it; kept cut, without what cannot be shown. */
  readonly userAgent: string | undefined
}

/**
 * Lets a browser act for the holder without a secret of its own. Ends with the session, or at once when the key is revoked or
 * ends.
 */
export async function startSession(
  { metadata, clock }: Pick<Services, 'metadata' | 'clock'>,
  { holder, seconds, userAgent = '' }: StartSession,
): Promise<StartedSession> {
  const value = randomBytes(32).toString('base64url')
  const key = 'keyId' in holder ? await metadata.findKeyById(holder.keyId) : undefined
  const startedAt = clock.now()
  const expiresAt = Math.min(startedAt + seconds * SECOND_MS, key?.expiresAt ?? Number.POSITIVE_INFINITY)
  const shown = userAgent.replaceAll(/[^ -~]/g, '').slice(0, MAX_USER_AGENT_CHARACTERS)
  const session = {
    hash: hashSecret(value),
    startedAt,
    lastSeenAt: null,
    expiresAt,
    userAgent: shown || null,
    ...holder,
  }
  await metadata.commit([{ kind: 'session.insert', session }])
  return { value, session: { id: sessionId(session), expiresAt } }
}

/**
 * Who calls by the first of these values whose session is good. A browser sends several where pages of other paths, or of other
 * servers on this host, have set cookies of the same name.
 * @throws ServiceError like `authenticate`, also if the session is over
 */
export async function authenticateSession(services: Services, values: readonly string[]): Promise<Caller> {
  const { clock, policy } = services
  const now = clock.now()
  const found = (await findSessions(services, values)).find(
    ({ key, grant }) => grant !== null || isValidKey(key, now),
  )
  const caller = found?.grant
    ? callerOfGrant(found.grant, policy)
    : callerWith(services, found?.key ?? undefined, 'Invalid authentication token')
  if (found === undefined) return caller
  await noteSeen(services, found, now)
  return { ...caller, session: { id: sessionId(found), expiresAt: endOf(found) } }
}

async function findSessions(
  { metadata, clock }: Pick<Services, 'metadata' | 'clock'>,
  values: readonly string[],
): Promise<readonly FoundSession[]> {
  const found: FoundSession[] = []
  for (const value of values.slice(0, MAX_VALUES)) {
    const session = await metadata.findSession(hashSecret(value), clock.now())
    if (session !== undefined) found.push(session)
  }
  return found
}

async function noteSeen(
  { metadata }: Services,
  { hash, startedAt, lastSeenAt }: Session,
  now: number,
): Promise<void> {
  if (now - (lastSeenAt ?? startedAt ?? 0) < SEEN_PERIOD_MS) return
  await metadata.commit([{ kind: 'session.touch', hash, seenAt: now }]).catch((error) => {
    // Whoever reads must not fail because nothing can be written.
    if (!(error instanceof StoreError)) throw error
  })
}

/** Ends sessions; if all are over, or never were, writes nothing. @throws ServiceError `rate-limited` for many of these */
export async function endSessions(services: Services, values: readonly string[]): Promise<void> {
  const found = await findSessions(services, values)
  if (found.length === 0) return services.guesses.count()
  await services.metadata.commit(found.map(({ hash }) => ({ kind: 'session.delete', hash })))
}

/** No later than that of its key. */
export function endOf({ expiresAt, key }: FoundSession): number {
  return Math.min(expiresAt, key?.expiresAt ?? expiresAt)
}

/** Names a session where it can be seen: the first half of its hash, as a UUID. Nobody can make a cookie of it. */
export function sessionId({ hash }: Pick<Session, 'hash'>): string {
  return hash.slice(0, ID_DIGITS).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** The page before ended with this session. */
export interface SessionPlace {
  readonly id: string
  readonly expiresAt: number
}

/**
 * The sessions that the caller may see and end: its own, which are those of its user or, without a user, of its key; those of
 * its whole organization, if it is an admin. Those that end last come first.
 */
export async function listSessions(
  { metadata, clock }: Services,
  caller: Caller,
  { after, limit }: { readonly after: SessionPlace | undefined; readonly limit: number },
): Promise<Listed<FoundSession>> {
  const holder = holderOf(caller)
  const filter: SessionFilter = {
    organizationId: caller.organizationId,
    now: clock.now(),
    ...(holder === undefined ? {} : { holder }),
  }
  const page: SessionPage = {
    limit: limit + 1,
    // Behind every hash that begins so.
    after: after && { expiresAt: after.expiresAt, hash: `${after.id.replaceAll('-', '')}~` },
  }
  return listed(await metadata.listSessions(filter, page), limit)
}

/** Whose sessions the caller sees; undefined: all of its organization. */
function holderOf({ role, subject, keyId }: Caller): SessionFilter['holder'] {
  if (isAtLeast(role, 'admin')) return undefined
  return subject.type === 'user' ? { userId: subject.id } : { keyId: keyId ?? '' }
}

/**
 * Ends a session that the caller sees. @param id see `sessionId`
 * @throws ServiceError `session-not-found`, also for one that is over
 */
export async function endSessionOf({ metadata, clock }: Services, caller: Caller, id: string): Promise<void> {
  const digits = id.replaceAll('-', '')
  const found =
    digits.length === ID_DIGITS && /^[\da-f]+$/.test(digits)
      ? await metadata.findSession(digits, clock.now())
      : undefined
  if (found === undefined || !sees(caller, found))
    throw new ServiceError('session-not-found', 'There is no such session.', { id })
  await metadata.commit([{ kind: 'session.delete', hash: found.hash }])
}

function sees(caller: Caller, { key, grant }: FoundSession): boolean {
  const { organizationId, userId } = key ?? grant
  if (organizationId !== caller.organizationId) return false
  const holder = holderOf(caller)
  if (holder === undefined) return true
  return 'userId' in holder ? userId === holder.userId : key?.id === holder.keyId
}

import type { DescribedCaller } from '../../core/access/describe-caller.ts'
import { endOf, sessionId } from '../../core/access/sessions.ts'
import type { FoundSession } from '../../core/ports/sessions.ts'
import { printTime, printTimeOrNull } from '../times.ts'
import type { MeBody, SessionBody } from './schemas.ts'

export function toMeBody(
  { caller, organization, projects, key }: DescribedCaller,
  { publicUrl, version }: { readonly publicUrl: string; readonly version: string },
): MeBody {
  const { session, subject, role, scopes } = caller
  return {
    session: session ? { id: session.id, expiresAt: printTime(session.expiresAt) } : null,
    key: key && { id: key.id, name: key.name },
    user: subject.type === 'user' ? subject.id : null,
    role,
    scopes: [...scopes],
    organization: { id: organization.id, slug: organization.slug },
    projects: projects.map(({ id, slug }) => ({ id, slug })),
    publicUrl,
    version,
  }
}

/** @param current id of the session by which the request came */
export function toSessionBody(session: FoundSession, current: string | undefined): SessionBody {
  const { key, grant, startedAt, lastSeenAt, userAgent } = session
  const id = sessionId(session)
  return {
    id,
    user: (key ?? grant).userId,
    key: key && { id: key.id, name: key.name },
    startedAt: printTimeOrNull(startedAt),
    lastSeenAt: printTimeOrNull(lastSeenAt ?? startedAt),
    expiresAt: printTime(endOf(session)),
    userAgent,
    isCurrent: id === current,
  }
}

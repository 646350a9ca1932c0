import type { Compilable, Kysely } from 'kysely'
import type { Grant, GrantSession, KeySession, Session } from '../../core/ports/sessions.ts'
import { type Arg, prepare, statement } from '../sql/prepare.ts'
import { allOf, recordShape } from '../sql/record-shape.ts'
import type { Tables } from '../sql/tables.ts'
import { keyShape } from './access.ts'

/*
 * Sessions of keys have a table that servers of the release before know, too. Those of grants have their own, so that such a
 * server takes their cookie for one that nobody was given.
 */

const forms = {
  hash: 'plain',
  startedAt: 'plain',
  lastSeenAt: 'plain',
  expiresAt: 'plain',
  userAgent: 'plain',
} as const
const grantForms = {
  organizationId: 'plain',
  projectIds: 'json',
  userId: 'plain',
  role: 'plain',
  scopes: 'json',
} as const

export const sessionShape = recordShape<Session>(forms)
export const grantShape = recordShape<Grant>(grantForms)
const keySessionShape = recordShape<KeySession>({ ...forms, keyId: 'plain' })
const grantSessionShape = recordShape<GrantSession>({ ...forms, ...grantForms })

type Hash = { readonly hash: string }
type Touch = Hash & { readonly seenAt: number }
type Now = { readonly now: number }

export function sessionChanges(db: Kysely<Tables>) {
  const both = <Args>(build: (table: 'sessions', arg: Arg<Args>) => Compilable) =>
    [
      statement<Args>((arg) => build('sessions', arg)),
      statement<Args>((arg) => build('grantSessions' as 'sessions', arg)),
    ] as const
  return {
    insertOfKey: statement<KeySession>((arg) =>
      db.insertInto('sessions').values(allOf(keySessionShape.fields, arg)),
    ),
    insertOfGrant: statement<GrantSession>((arg) =>
      db.insertInto('grantSessions').values(allOf(grantSessionShape.fields, arg)),
    ),
    touch: both<Touch>((table, arg) =>
      db
        .updateTable(table)
        .set({ lastSeenAt: arg('seenAt') })
        .where('hash', '=', arg('hash'))
        .where(({ eb, or }) => or([eb('lastSeenAt', 'is', null), eb('lastSeenAt', '<', arg('seenAt'))])),
    ),
    remove: both<Hash>((table, arg) => db.deleteFrom(table).where('hash', '=', arg('hash'))),
    purge: both<Now>((table, arg) => db.deleteFrom(table).where('expiresAt', '<=', arg('now'))),
  }
}

/** Hashes from the first to the last. */
type Range = Now & { readonly first: string; readonly last: string }
type OfOrganization = Now & {
  readonly organizationId: string
  readonly holder: string
  /** Where the page before ended. */
  readonly expiresAt: number
  readonly hash: string
  readonly limit: number
}

/** Rows of sessions have the fields of `sessionShape`, and then those of the key or of the grant. */
export function sessionQueries(db: Kysely<Tables>) {
  return { ofKeys: keySessionQueries(db), ofGrants: grantSessionQueries(db) }
}

function keySessionQueries(db: Kysely<Tables>) {
  const sessions = db
    .selectFrom('sessions')
    .innerJoin('apiKeys', 'apiKeys.id', 'sessions.keyId')
    .select(sessionShape.fields.map((field) => `sessions.${field} as session_${field}` as const))
    .select(keyShape.fields.map((field) => `apiKeys.${field}` as const))
  const page = (by?: 'apiKeys.userId' | 'sessions.keyId') =>
    prepare<OfOrganization>((arg) =>
      sessions
        .where('apiKeys.organizationId', '=', arg('organizationId'))
        .$if(by !== undefined, (query) => query.where(by as 'sessions.keyId', '=', arg('holder')))
        .where('sessions.expiresAt', '>', arg('now'))
        // Without its key a session opens nothing.
        .where('apiKeys.revokedAt', 'is', null)
        .where(({ eb, or }) =>
          or([eb('apiKeys.expiresAt', 'is', null), eb('apiKeys.expiresAt', '>', arg('now'))]),
        )
        .where(({ eb, or, and }) =>
          or([
            eb('sessions.expiresAt', '<', arg('expiresAt')),
            and([eb('sessions.expiresAt', '=', arg('expiresAt')), eb('sessions.hash', '>', arg('hash'))]),
          ]),
        )
        .orderBy('sessions.expiresAt', 'desc')
        .orderBy('sessions.hash')
        .limit(arg('limit')),
    )
  const find = prepare<Range>((arg) =>
    sessions
      .where('sessions.hash', '>=', arg('first'))
      .where('sessions.hash', '<=', arg('last'))
      .where('sessions.expiresAt', '>', arg('now'))
      .limit(1),
  )
  return { find, all: page(), ofUser: page('apiKeys.userId'), ofKey: page('sessions.keyId') }
}

function grantSessionQueries(db: Kysely<Tables>) {
  const sessions = db.selectFrom('grantSessions').select([...sessionShape.fields, ...grantShape.fields])
  const page = (by?: 'userId') =>
    prepare<OfOrganization>((arg) =>
      sessions
        .where('organizationId', '=', arg('organizationId'))
        .$if(by !== undefined, (query) => query.where('userId', '=', arg('holder')))
        .where('expiresAt', '>', arg('now'))
        .where(({ eb, or, and }) =>
          or([
            eb('expiresAt', '<', arg('expiresAt')),
            and([eb('expiresAt', '=', arg('expiresAt')), eb('hash', '>', arg('hash'))]),
          ]),
        )
        .orderBy('expiresAt', 'desc')
        .orderBy('hash')
        .limit(arg('limit')),
    )
  const find = prepare<Range>((arg) =>
    sessions
      .where('hash', '>=', arg('first'))
      .where('hash', '<=', arg('last'))
      .where('expiresAt', '>', arg('now'))
      .limit(1),
  )
  return { find, all: page(), ofUser: page('userId') }
}

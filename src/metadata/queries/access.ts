import { type Kysely, sql } from 'kysely'
import type { ApiKey } from '../../core/access/keys.ts'
import type { Organization, Project } from '../../core/access/tenants.ts'
import type { LinkKey } from '../../core/links/link-token.ts'
import type { Session } from '../../core/ports/changes.ts'
import type { ClockTrust } from '../../core/ports/clock.ts'
import { guarded, prepare, statement } from '../sql/prepare.ts'
import { allOf, recordShape } from '../sql/record-shape.ts'
import type { Tables } from '../sql/tables.ts'

export const organizationShape = recordShape<Organization>({
  id: 'plain',
  slug: 'plain',
  createdAt: 'plain',
  quotaFiles: 'plain',
  quotaBytes: 'plain',
})

export const projectShape = recordShape<Project>({
  id: 'plain',
  organizationId: 'plain',
  slug: 'plain',
  createdAt: 'plain',
  quotaFiles: 'plain',
  quotaBytes: 'plain',
})

export const keyShape = recordShape<ApiKey>({
  id: 'plain',
  hash: 'plain',
  name: 'plain',
  organizationId: 'plain',
  projectIds: 'json',
  userId: 'plain',
  role: 'plain',
  scopes: 'json',
  createdAt: 'plain',
  revokedAt: 'plain',
})

const sessionShape = recordShape<Session>({ hash: 'plain', keyId: 'plain', expiresAt: 'plain' })

export const linkKeyShape = recordShape<LinkKey>({ id: 'plain', secret: 'plain', createdAt: 'plain' })

interface Named {
  readonly idOrSlug: string
}

/** The queries of organizations, projects, keys and sessions. */
export function accessQueries(db: Kysely<Tables>) {
  const organizations = db.selectFrom('organizations').select(organizationShape.fields)
  const projects = db.selectFrom('projects').select(projectShape.fields)
  const keys = db.selectFrom('apiKeys').select(keyShape.fields)
  return {
    insertOrganization: statement<Organization>((arg) =>
      db.insertInto('organizations').values(allOf(organizationShape.fields, arg)),
    ),
    insertProject: statement<Project>((arg) =>
      db.insertInto('projects').values(allOf(projectShape.fields, arg)),
    ),
    insertKey: statement<ApiKey>((arg) => db.insertInto('apiKeys').values(allOf(keyShape.fields, arg))),
    insertLinkKey: statement<LinkKey>((arg) =>
      db.insertInto('linkKeys').values(allOf(linkKeyShape.fields, arg)),
    ),
    insertSession: statement<Session>((arg) =>
      db.insertInto('sessions').values(allOf(sessionShape.fields, arg)),
    ),
    deleteSession: statement<{ readonly hash: string }>((arg) =>
      db.deleteFrom('sessions').where('hash', '=', arg('hash')),
    ),
    purgeSessions: statement<{ readonly now: number }>((arg) =>
      db.deleteFrom('sessions').where('expiresAt', '<=', arg('now')),
    ),
    revokeKey: guarded<{ readonly id: string; readonly revokedAt: number }>((arg) =>
      db
        .updateTable('apiKeys')
        .set({ revokedAt: arg('revokedAt') })
        .where('id', '=', arg('id'))
        .where('revokedAt', 'is', null),
    ),
    replaceKey: guarded<{ readonly id: string; readonly replacedAt: number }>((arg) =>
      db
        .updateTable('apiKeys')
        .set(({ ref }) => ({ revokedAt: arg('replacedAt'), hash: sql`'replaced:' || ${ref('id')}` }))
        .where('id', '=', arg('id'))
        .where('revokedAt', 'is', null),
    ),
    findOrganization: prepare<Named>((arg) =>
      organizations.where(({ eb, or }) =>
        or([eb('id', '=', arg('idOrSlug')), eb('slug', '=', arg('idOrSlug'))]),
      ),
    ),
    listOrganizations: prepare<object>(() => organizations.orderBy('createdAt').orderBy('id')),
    findProject: prepare<Named & { readonly organizationId: string }>((arg) =>
      projects
        .where('organizationId', '=', arg('organizationId'))
        .where(({ eb, or }) => or([eb('id', '=', arg('idOrSlug')), eb('slug', '=', arg('idOrSlug'))])),
    ),
    listProjects: prepare<object>(() => projects.orderBy('createdAt').orderBy('id')),
    listProjectsOf: prepare<{ readonly organizationId: string }>((arg) =>
      projects.where('organizationId', '=', arg('organizationId')).orderBy('createdAt').orderBy('id'),
    ),
    findKey: prepare<{ readonly hash: string }>((arg) => keys.where('hash', '=', arg('hash'))),
    findSessionKey: prepare<{ readonly hash: string; readonly now: number }>((arg) =>
      keys.where(
        'id',
        '=',
        db
          .selectFrom('sessions')
          .select('keyId')
          .where('hash', '=', arg('hash'))
          .where('expiresAt', '>', arg('now')),
      ),
    ),
    listKeys: prepare<object>(() => keys.orderBy('createdAt').orderBy('id')),
    listKeysOfName: prepare<{ readonly name: string }>((arg) =>
      keys.where('name', '=', arg('name')).orderBy('createdAt').orderBy('id'),
    ),
    listLinkKeys: prepare<object>(() =>
      db
        .selectFrom('linkKeys')
        .select(linkKeyShape.fields)
        .orderBy('createdAt', 'desc')
        .orderBy('id', 'desc'),
    ),
    storeId: prepare<object>(() => db.selectFrom('installation').select('storeId')),
    noteBytesPlace: statement<{ readonly place: string }>((arg) =>
      db
        .updateTable('installation')
        .set({ bytesPlace: arg('place') })
        .where('bytesPlace', 'is', null),
    ),
    bytesPlace: prepare<object>(() => db.selectFrom('installation').select('bytesPlace')),
    noteClockTrust: statement<ClockTrust>((arg) =>
      db.updateTable('installation').set({ clockWaitMs: arg('waitMs'), clockTrustedTo: arg('trustedTo') }),
    ),
    clockTrust: prepare<object>(() =>
      db.selectFrom('installation').select(['clockWaitMs', 'clockTrustedTo']),
    ),
    // Ids of files begin with the time at which they are made.
    youngestRowAt: prepare<object>(() => {
      const files = db.selectFrom('files').select('createdAt').orderBy('id', 'desc').limit(1)
      const rows = db
        .selectFrom('apiKeys')
        .select('createdAt')
        .unionAll(db.selectFrom('projects').select('createdAt'))
        .unionAll(db.selectFrom(files.as('youngest')).select('createdAt'))
      return db.selectFrom(rows.as('made')).select(({ fn }) => fn.max('createdAt').as('at'))
    }),
    move: prepare<object>(() => db.selectFrom('installation').select(['moveStage', 'movePlace'])),
  }
}

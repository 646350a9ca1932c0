import type { Kysely } from 'kysely'
import type { ClockTrust, EmulatedTime } from '../../core/ports/clock.ts'
import { prepare, statement } from '../sql/prepare.ts'
import type { Tables } from '../sql/tables.ts'

/** The one row about the installation, and when its youngest row was made. */
export function installationQueries(db: Kysely<Tables>) {
  const installation = db.selectFrom('installation')
  return {
    noteBytesPlace: statement<{ readonly place: string }>((arg) =>
      db
        .updateTable('installation')
        .set({ bytesPlace: arg('place') })
        .where('bytesPlace', 'is', null),
    ),
    noteClockTrust: statement<ClockTrust>((arg) =>
      db.updateTable('installation').set({ clockWaitMs: arg('waitMs'), clockTrustedTo: arg('trustedTo') }),
    ),
    noteEmulatedTime: statement<EmulatedTime>((arg) =>
      db
        .updateTable('installation')
        .set({ emulatorOffsetMs: arg('offsetMs'), emulatorFrozenAt: arg('frozenAt') }),
    ),
    storeId: prepare<object>(() => installation.select('storeId')),
    bytesPlace: prepare<object>(() => installation.select('bytesPlace')),
    clockTrust: prepare<object>(() => installation.select(['clockWaitMs', 'clockTrustedTo'])),
    emulatedTime: prepare<object>(() =>
      installation.select(['emulatorOffsetMs', 'emulatorFrozenAt']).where('emulatorOffsetMs', 'is not', null),
    ),
    move: prepare<object>(() => installation.select(['moveStage', 'movePlace'])),
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
  }
}

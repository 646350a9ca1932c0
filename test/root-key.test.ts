/** Whose key `ENTREPOT_ROOT_KEY` is, on one server and on several, and what servers say that differ. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { type App, startApp } from '../src/app/app.ts'
import { settings as declared, loadConfig } from '../src/app/settings.ts'
import { Secret } from '../src/config/secret.ts'
import type { Environment } from '../src/config/setting.ts'
import { sharedSettings } from '../src/config/sharing.ts'
import { captureLog, type LogLine } from './captured-log.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { newFolder } from './new-folder.ts'
import { newDatabase, query } from './postgres.ts'
import { onlyLong } from './rounds.ts'
import { until } from './until.ts'

const OLD = 'the-root-key-of-yesterday'
const NEW = 'the-root-key-of-tomorrow'

interface Started {
  readonly app: App
  /** What it logged at `warn` or above, so far. */
  warnings(): readonly LogLine[]
  /** What the server answers to a key. */
  status(key: string): Promise<number>
}

interface Installation {
  start(rootKey?: string, settings?: Environment): Promise<Started>
  revoke(key: Started, id: string): Promise<void>
}

/** Servers that share one data folder, one after the other or, on PostgreSQL, at the same time. */
async function newInstallation(t: TestContext, shared: Environment = {}): Promise<Installation> {
  const dataDir = newFolder('entrepot-root-key-')
  return {
    async start(rootKey, settings = {}) {
      const { logger, lines } = captureLog('info')
      const config = loadConfig({
        ENTREPOT_DATA_DIR: dataDir,
        ENTREPOT_PORT: '0',
        ENTREPOT_GRPC_PORT: 'off',
        ENTREPOT_METRICS_PORT: 'off',
        ENTREPOT_ROOT_KEY: rootKey,
        ...shared,
        ...settings,
      })
      const app = await startApp(config, { logger })
      t.after(() => app.stop())
      return {
        app,
        warnings: () => lines().filter(({ level }) => level >= 40),
        status: async (key) => (await new LightfieldClient({ url: app.url, key }).list()).status,
      }
    },
    async revoke({ app }, id) {
      await app.services.metadata.commit([{ kind: 'key.revoke', id, revokedAt: app.services.clock.now() }])
    },
  }
}

async function rootKeyId({ app }: Started): Promise<string> {
  const keys = await app.services.metadata.listKeys('root (environment)')
  return keys.find(({ revokedAt }) => revokedAt === null)?.id ?? ''
}

test('a server that is alone and has no root key leaves the one that there is as it is, and says so', async (t) => {
  const { start } = await newInstallation(t)
  const first = await start(OLD)
  assert.deepEqual(first.warnings(), [])
  await first.app.stop()
  const second = await start()
  assert.equal(await second.status(OLD), 200)
  assert.match(second.warnings()[0]?.msg ?? '', /^ENTREPOT_ROOT_KEY is not set; the root key stays valid/)
  await second.app.stop()
  const third = await start(OLD)
  assert.equal(await third.status(OLD), 200)
  assert.deepEqual(third.warnings(), [])
})

test('alone, a changed root key replaces the old one at once, and may be changed back', async (t) => {
  const { start } = await newInstallation(t)
  await (await start(OLD)).app.stop()
  const changed = await start(NEW)
  assert.deepEqual([await changed.status(OLD), await changed.status(NEW)], [401, 200])
  const [warning, ...others] = changed.warnings()
  assert.match(warning?.msg ?? '', /^ENTREPOT_ROOT_KEY has changed/)
  assert.deepEqual(others, [])
  assert.doesNotMatch(JSON.stringify(warning), /yesterday|tomorrow/)
  await changed.app.stop()
  const back = await start(OLD)
  assert.deepEqual([await back.status(OLD), await back.status(NEW)], [200, 401])
})

test('a root key that was revoked is refused at once by a server that carries it, and no server starts with it', async (t) => {
  const { start, revoke } = await newInstallation(t)
  const running = await start(OLD)
  await revoke(running, await rootKeyId(running))
  assert.equal(await running.status(OLD), 401)
  await running.app.stop()
  await assert.rejects(start(OLD), { message: /^The value of ENTREPOT_ROOT_KEY was revoked for good;.*\.$/ })
  assert.equal(await (await start(NEW)).status(NEW), 200)
})

test('a root key that an older release made becomes an operator’s at the next start', async (t) => {
  const { start } = await newInstallation(t)
  const first = await start(OLD)
  const { metadata } = first.app.services
  await metadata.commit([{ kind: 'key.set-role', id: await rootKeyId(first), role: 'admin' }])
  await first.app.stop()
  const second = await start(OLD)
  const [key] = await second.app.services.metadata.listKeys('root (environment)')
  assert.equal(key?.role, 'operator')
  assert.equal(await second.status(OLD), 200)
})

test('a server without the root key of the others takes it away from nobody', async (t) => {
  const { start } = await newInstallation(t, { ENTREPOT_DATABASE_URL: await newDatabase() })
  const first = await start(OLD)
  const without = await start()
  for (const server of [first, without]) assert.equal(await server.status(OLD), 200)
  const differing = without.warnings().map(({ setting }) => setting)
  assert.deepEqual(differing, ['ENTREPOT_ROOT_KEY'])
  await first.app.stop()
  assert.equal(await without.status(OLD), 200)
  const again = await start(OLD)
  for (const server of [again, without]) assert.equal(await server.status(OLD), 200)
})

test('of a rolling change both values count while servers carry both, and then only the new one', async (t) => {
  const { start } = await newInstallation(t, { ENTREPOT_DATABASE_URL: await newDatabase() })
  const [first, second] = [await start(OLD), await start(OLD)]
  const third = await start(NEW)
  assert.match(third.warnings()[0]?.msg ?? '', /^ENTREPOT_ROOT_KEY is new/)
  for (const key of [OLD, NEW])
    for (const server of [first, second, third]) assert.equal(await server.status(key), 200)
  await first.app.stop()
  for (const key of [OLD, NEW]) assert.equal(await third.status(key), 200)
  await second.app.stop()
  assert.ok(await until(20_000, async () => (await third.status(OLD)) === 401, 100), 'the old value stays')
  assert.equal(await third.status(NEW), 200)
  assert.ok(third.warnings().some(({ msg }) => msg.startsWith('no server carries this root key any more')))
  assert.doesNotMatch(JSON.stringify(third.warnings()), /yesterday|tomorrow/)
})

test('no value ends while a server of a release before runs, which does not tell what it carries', {
  skip: onlyLong,
}, async (t) => {
  const url = await newDatabase()
  const { start } = await newInstallation(t, { ENTREPOT_DATABASE_URL: url })
  const first = await start(OLD)
  await query(url, 'insert into nodes (id, seen_at) values (7, extract(epoch from now()) * 1000 + 3600000)')
  await first.app.stop()
  const second = await start(NEW)
  const leads = async () =>
    (await query(url, `select from pg_locks where locktype = 'advisory' and classid = 1`)).length > 0
  assert.ok(await until(10_000, leads, 50), 'nobody leads')
  assert.equal(await second.status(OLD), 200)
  await query(url, 'delete from nodes where id = 7')
  assert.ok(await until(20_000, async () => (await second.status(OLD)) === 401, 100), 'the old value stays')
})

test('a server names each setting in which it differs from others, with its value unless that is secret', async (t) => {
  const { start } = await newInstallation(t, { ENTREPOT_DATABASE_URL: await newDatabase() })
  await start(OLD)
  const same = await start(OLD, { ENTREPOT_LOG_LEVEL: 'debug' })
  assert.deepEqual(same.warnings(), [])
  const settings = { ENTREPOT_PUBLIC_URL: 'https://files.example', ENTREPOT_YANDEX_TTL_DAYS: '3' }
  const other = await start(NEW, settings)
  const told = other
    .warnings()
    .flatMap(({ setting, here, elsewhere }) => (setting ? [{ setting, here, elsewhere }] : []))
  assert.deepEqual(told, [
    { setting: 'ENTREPOT_PUBLIC_URL', here: '"https://files.example"', elsewhere: ['null'] },
    { setting: 'ENTREPOT_ROOT_KEY', here: undefined, elsewhere: undefined },
    { setting: 'ENTREPOT_YANDEX_TTL_DAYS', here: '3', elsewhere: ['7'] },
  ])
})

test('docs/scaling.md names every setting that must be the same on all servers, and no other', async () => {
  const text = await readFile(new URL('../docs/scaling.md', import.meta.url), 'utf8')
  const [, table = ''] =
    /\| Setting, the same on all servers \|.*\n\| --- \| --- \|\n((?:\|.*\n)+)/.exec(text) ?? []
  const named = [...table.matchAll(/`ENTREPOT_([A-Z\d_]+)/g)].map(([, name]) => `ENTREPOT_${name}`)
  const shared = sharedSettings(declared, loadConfig({})).map(({ variable }) => variable)
  // Servers that tell each other their settings have met in one database.
  assert.deepEqual(named.toSorted(), [...shared, 'ENTREPOT_DATABASE_URL'].toSorted())
})

test('no secret is among what servers tell each other', () => {
  const config = loadConfig({ ENTREPOT_ROOT_KEY: NEW, ENTREPOT_DATABASE_URL: 'postgres://u:sesame@h/d' })
  assert.ok(config.rootKey instanceof Secret)
  assert.doesNotMatch(JSON.stringify(sharedSettings(declared, config)), /tomorrow|sesame/)
})

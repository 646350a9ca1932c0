import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Environment } from '../src/config/setting.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { newDatabase, query } from './postgres.ts'
import { S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'
import { until } from './until.ts'

/** The admin key of every node. */
export const NODES_KEY = 'root-key-of-several-nodes'

/** One server of several on the same database and bucket. */
export interface TestNode {
  readonly server: TestServer
  readonly client: LightfieldClient
}

/** Servers of this process on one new database and one new bucket, each with a data folder of its own. The first leads. */
export async function startNodes(
  t: TestContext,
  count: number,
  settings: Environment = {},
): Promise<readonly TestNode[]> {
  const stores = await newStores(t, settings.ENTREPOT_DATABASE_URL)
  const shared = { ...stores, ENTREPOT_ROOT_KEY: NODES_KEY, ...settings }
  const start = async () => {
    const server = await TestServer.start(shared)
    t.after(() => server.stop())
    return { server, client: new LightfieldClient({ url: server.url, key: NODES_KEY }) }
  }
  const first = await start()
  await untilLed(shared.ENTREPOT_DATABASE_URL)
  return [first, ...(await Promise.all(Array.from({ length: count - 1 }, start)))]
}

/** The settings of a new bucket and, unless one is given, a new database. */
export async function newStores(t: TestContext, databaseUrl?: string) {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  return { ENTREPOT_DATABASE_URL: databaseUrl ?? (await newDatabase()), ...s3Settings(s3) }
}

/** Waits for the lock of the leader: the two halves of its number are columns. */
async function untilLed(url: string): Promise<void> {
  const text = `select from pg_locks where locktype = 'advisory' and objsubid = 1 and classid = 1
    and database = (select oid from pg_database where datname = current_database())`
  const isLed = async () => (await query(url, text)).length > 0
  assert.ok(await until(10_000, isLed, 50), 'nobody leads')
}

/**
 * What the test files of one run share: a folder for temporary files, and a PostgreSQL with a database to copy, which each file
 * would otherwise start and migrate for itself. The files learn of them from their environment.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migratePostgres } from '../src/metadata/postgres/postgres.ts'
import { afterThisProcess } from './after-process.ts'
import { createDatabase, PostgresServer, query } from './postgres.ts'

let folder: string | undefined
/** Undefined where the server was there already. */
let postgres: PostgresServer | undefined

export async function globalSetup(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'entrepot-run-'))
  // PostgreSQL may run as another user.
  await chmod(folder, 0o755)
  // Servers that were started in it have ended by then, which they need their files for.
  afterThisProcess('sleep 3; rm -rf "$1"', folder)
  process.env.TMPDIR = folder
  // Most of what a small test file takes is to load modules: it finds what another has compiled.
  process.env.NODE_COMPILE_CACHE = join(folder, 'compiled')
  try {
    await providePostgres()
  } catch (error) {
    // Each test that needs it fails for this reason; all others can still tell.
    console.error(`✖ All tests on PostgreSQL will fail: ${error instanceof Error ? error.message : error}`)
  }
}

async function providePostgres(): Promise<void> {
  let url = process.env.ENTREPOT_TEST_DATABASE_URL
  if (url === undefined) {
    postgres = await PostgresServer.start()
    url = postgres.urlOf('postgres')
    process.env.ENTREPOT_TEST_DATABASE_URL = url
  }
  const template = await createDatabase(url)
  await migratePostgres(template)
  process.env.ENTREPOT_TEST_TEMPLATE = new URL(template).pathname.slice(1)
}

export async function globalTeardown(): Promise<void> {
  const { ENTREPOT_TEST_DATABASE_URL, ENTREPOT_TEST_TEMPLATE } = process.env
  if (postgres === undefined && ENTREPOT_TEST_DATABASE_URL && ENTREPOT_TEST_TEMPLATE)
    await query(ENTREPOT_TEST_DATABASE_URL, `drop database ${ENTREPOT_TEST_TEMPLATE}`)
  await postgres?.stop('immediate')
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
}

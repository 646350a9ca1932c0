/**
 * What the test files of one run share: a folder for temporary files, and a PostgreSQL, which each file would otherwise start
 * for itself. The files learn of both from their environment.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterThisProcess } from './after-process.ts'
import { PostgresServer } from './postgres.ts'

let folder: string | undefined
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
  if (process.env.ENTREPOT_TEST_DATABASE_URL !== undefined) return
  postgres = await startedPostgres()
  if (postgres !== undefined) process.env.ENTREPOT_TEST_DATABASE_URL = postgres.urlOf('postgres')
}

/** Undefined where there is none: each test that needs it then fails for that reason, and all others can still tell. */
async function startedPostgres(): Promise<PostgresServer | undefined> {
  try {
    return await PostgresServer.start()
  } catch (error) {
    console.error(`✖ All tests on PostgreSQL will fail: ${error instanceof Error ? error.message : error}`)
    return undefined
  }
}

export async function globalTeardown(): Promise<void> {
  await postgres?.stop('immediate')
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
}

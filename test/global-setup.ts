/**
 * What the test files of one run share: a folder for temporary files, and a PostgreSQL with a database to copy, which each file
 * would otherwise start and migrate for itself. The files learn of them from their environment.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migratePostgres } from '../src/metadata/postgres/postgres.ts'
import { afterThisProcess } from './after-process.ts'
import { createDatabase, PostgresServer, query } from './postgres.ts'

/** Linux keeps its files in memory: a database of PostgreSQL, which is hundreds, is made there in a tenth of the CPU time. */
const MEMORY = '/dev/shm'
/** Several times what a run has at once. In a container it is often much smaller. */
const MIN_ROOM_BYTES = 4 * 1024 ** 3

let folder: string | undefined
/** Undefined where the server was there already. */
let postgres: PostgresServer | undefined

/** @param isLong keeps files on the disk, as in production */
export async function globalSetup(isLong: boolean): Promise<void> {
  folder = await mkdtemp(join((isLong ? undefined : roomInMemory()) ?? tmpdir(), 'entrepot-run-'))
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

/** @returns a folder; undefined where there is none, too little room, or no program may be run from it, as tests do */
function roomInMemory(): string | undefined {
  let probe: string | undefined
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    if (bavail * bsize < MIN_ROOM_BYTES) return undefined
    probe = mkdtempSync(join(MEMORY, 'entrepot-probe-'))
    const program = join(probe, 'program')
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o700 })
    return spawnSync(program).status === 0 ? MEMORY : undefined
  } catch {
    return undefined
  } finally {
    if (probe !== undefined) rmSync(probe, { recursive: true, force: true })
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

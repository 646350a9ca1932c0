import { glob, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ServerProcess } from '../../test/faults/server-process.ts'
import { TEST_BUCKET, testCredentials } from '../../test/s3/server.ts'
import { ForeignProcess, freePort, installed, installedByGo } from './foreign.ts'
import { nginxArguments } from './nginx.ts'
import { startFilled, startOurs } from './our-server.ts'

/** What listens, and how it is ended. */
export interface Running {
  readonly url: string
  readonly pid: number
  /** Where Prometheus would ask it, if it was started so. */
  readonly metricsUrl?: string
  end(): Promise<unknown>
}

export interface Peer {
  /** How reports call it. */
  readonly label: string
  /** What an answer of it promises. */
  readonly durability: string
  /**
   * @param files rows that it starts with, where it can
   * @returns undefined if this machine does not have it
   */
  start(folder: string, files: number): Promise<Running | undefined>
  readonly isOurs?: boolean
  /** How to get it, where it may be missing. */
  readonly hint?: string
}

const SYNCS_NOTHING = 'in the page cache; neither file nor folder is synced'

export const peers = {
  ours: {
    label: 'Entrepot',
    isOurs: true,
    durability: 'bytes and row synced before the answer, SHA-256 kept',
    start: async (folder) => ended(await startOurs(folder)),
  },
  oursFilled: {
    label: 'Entrepot with files',
    isOurs: true,
    durability: 'as Entrepot',
    start: async (folder, files) => ended(await startFilled(folder, files)),
  },
  oursMetered: {
    label: 'Entrepot with metrics',
    isOurs: true,
    durability: 'as Entrepot',
    start: startMetered,
  },
  oursUnsynced: {
    label: 'Entrepot, syncs ignored',
    durability: 'what Entrepot syncs stays in the page cache',
    start: startUnsynced,
    hint: 'apt-get install eatmydata',
  },
  noop: {
    label: 'Fastify no-op',
    durability: 'stores nothing',
    start: (folder) => startOwn('noop-server.ts', folder),
  },
  plain: {
    label: 'plain Node',
    durability: `${SYNCS_NOTHING}; no digest`,
    start: (folder) => startOwn('plain-server.ts', folder),
  },
  plainDurable: {
    label: 'plain Node, SHA-256 and sync',
    durability: 'file synced, its folder not; SHA-256 computed',
    start: (folder) => startOwn('plain-server.ts', folder, { BENCH_DURABLE: '1' }),
  },
  tusServer: {
    label: '@tus/server',
    durability: `${SYNCS_NOTHING}; no digest`,
    start: async (folder) => under('/files', await startOwn('tus-server.ts', folder)),
  },
  tusd: {
    label: 'tusd',
    durability: `${SYNCS_NOTHING}; no digest`,
    start: async (folder) => under('/files/', await startTusd(folder)),
    hint: 'needs Go, or tusd in PATH',
  },
  nginx: {
    label: 'nginx',
    durability: `${SYNCS_NOTHING}, renamed when whole; no digest`,
    start: startNginx,
    hint: 'apt-get install nginx',
  },
  versitygw: {
    label: 'versitygw',
    durability: `${SYNCS_NOTHING}; MD5 computed`,
    start: startVersitygw,
    hint: 'needs Go, or versitygw in PATH',
  },
} satisfies Record<string, Peer>

export type PeerName = keyof typeof peers

async function startOwn(entry: string, dataDir: string, settings = {}): Promise<Running> {
  return ended(await ServerProcess.start({ dataDir, entry: join(import.meta.dirname, entry), settings }))
}

function ended(server: ServerProcess): Running {
  return { url: server.url, pid: server.pid, end: () => server.end('SIGKILL') }
}

function under<R extends Running | undefined>(path: string, running: R): R | Running {
  return running === undefined
    ? running
    : { url: running.url + path, pid: running.pid, end: () => running.end() }
}

async function startMetered(folder: string): Promise<Running> {
  const port = await freePort()
  const server = await startOurs(folder, { ENTREPOT_METRICS_PORT: String(port) })
  return { ...ended(server), metricsUrl: `http://127.0.0.1:${port}/metrics` }
}

/** Debian's eatmydata: a library that makes fsync and its like do nothing. */
async function startUnsynced(folder: string): Promise<Running | undefined> {
  const library = await Array.fromAsync(glob('/usr/lib/*/libeatmydata.so'))
  return library[0] === undefined ? undefined : ended(await startOurs(folder, { LD_PRELOAD: library[0] }))
}

async function startTusd(folder: string): Promise<Running | undefined> {
  const program = installedByGo('tusd', 'github.com/tus/tusd/v2/cmd/tusd', 'v2.9.1')
  if (program === undefined) return undefined
  const port = await freePort()
  const args = ['-host', '127.0.0.1', '-port', String(port), '-upload-dir', folder, '-verbose=false']
  return ForeignProcess.start(port, { program, args })
}

async function startNginx(folder: string): Promise<Running | undefined> {
  const program = installed('nginx')
  if (program === undefined) return undefined
  const port = await freePort()
  return ForeignProcess.start(port, { program, args: await nginxArguments(folder, port) })
}

async function startVersitygw(folder: string): Promise<Running | undefined> {
  const program = installedByGo('versitygw', 'github.com/versity/versitygw/cmd/versitygw', 'v1.8.0')
  if (program === undefined) return undefined
  const port = await freePort()
  const sidecar = join(folder, 'metadata')
  for (const path of [sidecar, join(folder, 'buckets', TEST_BUCKET)]) await mkdir(path, { recursive: true })
  const args = ['--quiet', '--port', `127.0.0.1:${port}`, '--keep-alive', 'posix']
  const { accessKeyId, secretAccessKey } = testCredentials
  return ForeignProcess.start(port, {
    program,
    args: [...args, '--sidecar', sidecar, join(folder, 'buckets')],
    env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
  })
}

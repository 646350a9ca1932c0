import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { newFolder } from '../new-folder.ts'
import { migratedDatabase } from '../postgres.ts'
import { onlyLong, rounds } from '../rounds.ts'
import { until } from '../until.ts'
import { type CallError, YandexClient } from '../yandex-client.ts'
import { type Front, freePort, startBalancer, startNginx, type Upstream, whyNoNginx } from './balancers.ts'
import { ROOT_KEY, ServerProcess } from './server-process.ts'

const CLIENTS = 6
const DRAIN_SECONDS = 1
/** Longer than a balancer leaves a server alone that refused a connection; nginx counts whole seconds. */
const RECOVERY_MS = 3100

/** Two servers on one database and one data folder. */
class Pair {
  readonly upstreams: readonly Upstream[]
  readonly #dataDir: string
  readonly #settings: Readonly<Record<string, string>>
  readonly #servers: (ServerProcess | undefined)[] = []

  private constructor(dataDir: string, upstreams: readonly Upstream[], settings: Record<string, string>) {
    this.#dataDir = dataDir
    this.upstreams = upstreams
    this.#settings = settings
  }

  static async start(t: TestContext, publicUrl: string): Promise<Pair> {
    const dataDir = newFolder('entrepot-pair-')
    const upstream = async () => ({ port: await freePort(), grpcPort: await freePort() })
    const pair = new Pair(dataDir, [await upstream(), await upstream()], {
      ENTREPOT_DATABASE_URL: await migratedDatabase(),
      ENTREPOT_PUBLIC_URL: publicUrl,
      ENTREPOT_DRAIN_SECONDS: String(DRAIN_SECONDS),
    })
    t.after(() => Promise.all(pair.#servers.map((server) => server?.end('SIGKILL'))))
    await Promise.all([pair.startServer(0), pair.startServer(1)])
    return pair
  }

  async startServer(index: number): Promise<void> {
    const { port, grpcPort } = this.upstreams[index] as Upstream
    const ports = { ENTREPOT_PORT: String(port), ENTREPOT_GRPC_PORT: String(grpcPort) }
    const settings = { ...this.#settings, ...ports }
    this.#servers[index] = await ServerProcess.start({ dataDir: this.#dataDir, settings })
  }

  async stopServer(index: number): Promise<void> {
    const server = this.#servers[index]
    assert.ok(server)
    assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output)
  }
}

interface Load {
  readonly findings: string[]
  readonly isOver: () => boolean
}

/** Creates, puts, completes, reads and deletes one file after the other. Anything but a success is a finding. */
async function useFiles(url: string, { findings, isOver }: Load): Promise<number> {
  const headers = { authorization: `Bearer ${ROOT_KEY}`, 'lightfield-version': '2026-03-01' }
  let count = 0
  const ask = async (
    method: string,
    where: string,
    body: string | null = null,
    type = 'application/json',
  ) => {
    const response = await fetch(where, { method, body, headers: { ...headers, 'content-type': type } })
    const text = await response.text()
    count++
    if (!response.ok) throw new Error(`${method} ${response.status} ${text.slice(0, 200)}`)
    return text === '' ? {} : JSON.parse(text)
  }
  while (!isOver()) {
    try {
      const fields = { filename: 'a.txt', mimeType: 'text/plain', sizeBytes: 5 }
      const { id, uploadUrl } = await ask('POST', `${url}/lightfield/v1/files`, JSON.stringify(fields))
      await ask('PUT', uploadUrl, 'hello', 'text/plain')
      await ask('POST', `${url}/lightfield/v1/files/${id}/complete`, '{}')
      await ask('GET', `${url}/lightfield/v1/files/${id}`)
    } catch (error) {
      const { message, cause } = error as Error
      findings.push(`${message} ${cause ?? ''}`)
    }
  }
  return count
}

/** The same over gRPC, on one connection. */
async function listFiles(address: string, { findings, isOver }: Load): Promise<number> {
  const client = new YandexClient(address, `Api-Key ${ROOT_KEY}`)
  let count = 0
  for (; !isOver(); count++) {
    try {
      await client.list()
    } catch (error) {
      findings.push(`List ${(error as CallError).code} ${(error as Error).message}`)
    }
  }
  client.close()
  return count
}

async function restartInTurn(
  t: TestContext,
  pair: Pair,
  stops: number,
  startClients: (load: Load) => readonly Promise<number>[],
): Promise<void> {
  const findings: string[] = []
  let isOver = false
  const clients = startClients({ findings, isOver: () => isOver })
  try {
    await sleep(500)
    for (let stop = 0; stop < stops; stop++) {
      if (stop > 0) {
        await pair.startServer((stop - 1) % 2)
        await sleep(RECOVERY_MS)
      }
      await pair.stopServer(stop % 2)
    }
  } finally {
    isOver = true
  }
  const count = (await Promise.all(clients)).reduce((sum, one) => sum + one)
  t.diagnostic(`${stops} stops, ${count} requests`)
  assert.deepEqual(findings, [])
  assert.ok(count > stops * CLIENTS)
}

test('servers behind a balancer that asks nobody are stopped one by one, and no request fails', async (t) => {
  const front = await newFront()
  const pair = await Pair.start(t, front.url)
  await startBalancer(t, front, pair.upstreams)
  await restartInTurn(t, pair, rounds({ short: 1, long: 6 }), (load) =>
    Array.from({ length: CLIENTS }, () => useFiles(front.url, load)),
  )
})

test('servers behind nginx, as documented, are stopped one by one, and no request fails', {
  skip: onlyLong || whyNoNginx(),
}, async (t) => {
  const front = await newFront()
  const pair = await Pair.start(t, front.url)
  await startNginx(t, front, pair.upstreams)
  const isUp = async () => (await fetch(`${front.url}/readyz`).catch(() => undefined))?.ok === true
  assert.ok(await until(10_000, isUp))
  await restartInTurn(t, pair, rounds({ short: 1, long: 6 }), (load) => [
    ...Array.from({ length: CLIENTS }, () => useFiles(front.url, load)),
    listFiles(`127.0.0.1:${front.grpcPort}`, load),
  ])
})

async function newFront(): Promise<Front> {
  const [port, grpcPort] = await Promise.all([freePort(), freePort()])
  return { port, grpcPort, url: `http://127.0.0.1:${port}` }
}

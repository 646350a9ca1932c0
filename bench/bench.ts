/**
 * Measures this server against two yardsticks on the same machine, disk and client, and prints one table:
 *
 *   npm run bench
 *
 * - durable creates and retrieves per second, as shares of what Fastify does when a route does nothing at all;
 * - MB/s of one large file as a form and as base64 in JSON, as shares of our own PUT, and small files as forms per second;
 * - MB/s of one large PUT and GET, as shares of a plain Node server that streams to a file, hashes nothing and syncs
 *   nothing.
 *
 * Candidates take turns, so that a noisy neighbour meets all of them alike, and with requests these are short: a machine
 * that is shared is not for long what it was. A ratio is the median of the ratios of measurements made one after the other.
 * The exit code is 1 if a target is missed or something failed. Settings: ENTREPOT_BENCH_ROUNDS (5), ENTREPOT_BENCH_SECONDS
 * (3, of requests per candidate and round), ENTREPOT_BENCH_CONNECTIONS (128). It needs 2 GiB of disk per round in the folder
 * for temporary files: no file is removed before the end.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT_KEY, ServerProcess } from '../test/faults/server-process.ts'
import { getBody, postForm, postJson, putBody } from './body-load.ts'
import {
  completedFile,
  createRequest,
  FORMS,
  JSON_FILES,
  newFile,
  retrieveRequest,
  uploadRequest,
} from './our-requests.ts'
import { type Figure, medianOf, printTable } from './report.ts'
import { measureRequests, requestBytes } from './request-load.ts'

const ROUNDS = Number(process.env.ENTREPOT_BENCH_ROUNDS ?? 5)
const SECONDS = Number(process.env.ENTREPOT_BENCH_SECONDS ?? 3)
const CONNECTIONS = Number(process.env.ENTREPOT_BENCH_CONNECTIONS ?? 128)
/** As short as 128 new connections and some thousand requests allow. */
const TURN_SECONDS = 0.6
/** Until hot code is compiled, which takes some ten thousand requests. */
const WARM_UP_SECONDS = 5
const BODY_BYTES = 512 * 1024 * 1024
/** Below what Yandex takes, and whole groups of base64. */
const JSON_BODY_BYTES = 120 * 1024 * 1024
const RETRIEVED_FILES = 1000
const SMALL_FILE_BYTES = 4096
const UPLOAD_CONNECTIONS = 32

type Candidates = Readonly<Record<'noop' | 'ours' | 'plain', ServerProcess>>
type Samples = ReturnType<typeof noSamples>

const folder = await mkdtemp(join(tmpdir(), 'entrepot-bench-'))
const servers: ServerProcess[] = []
try {
  printMachine()
  const figures = figuresOf(await measure(await startAll()))
  printTable(figures)
  if (figures.some(isMissed)) process.exitCode = 1
} finally {
  for (const server of servers) await server.end('SIGKILL')
  await rm(folder, { recursive: true, force: true })
}

function printMachine(): void {
  const { node, sqlite } = process.versions
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, Node ${node}, SQLite ${sqlite}`,
  )
  console.log(
    `${ROUNDS} rounds, ${CONNECTIONS} connections, ${SECONDS} s of requests per round in turns of ${TURN_SECONDS} s; medians`,
  )
}

async function startAll(): Promise<Candidates> {
  const start = async (name: string, entry?: string) => {
    const dataDir = await mkdtemp(join(folder, `${name}-`))
    const path = entry === undefined ? {} : { entry: join(import.meta.dirname, entry) }
    const server = await ServerProcess.start({ dataDir, ...path })
    servers.push(server)
    return server
  }
  return {
    noop: await start('noop', 'noop-server.ts'),
    ours: await start('ours'),
    plain: await start('plain', 'plain-server.ts'),
  }
}

async function measure(candidates: Candidates): Promise<Samples> {
  const samples = noSamples()
  await measureAllRequests(candidates, samples)
  await measureUploads(candidates, samples)
  await measureAllBodies(candidates, samples)
  return samples
}

/** In the same place of each list: what was measured in the same turn. */
function noSamples() {
  const none = (): number[] => []
  return {
    noopBeforeCreate: none(),
    create: none(),
    noopBeforeRetrieve: none(),
    retrieve: none(),
    put: none(),
    plainPut: none(),
    get: none(),
    plainGet: none(),
    form: none(),
    putAsLarge: none(),
    json: none(),
    upload: none(),
  }
}

async function measureAllRequests({ noop, ours }: Candidates, samples: Samples): Promise<void> {
  const ids: string[] = []
  for (let i = 0; i < RETRIEVED_FILES; i++) ids.push((await newFile(ours.url, 1)).id)
  const retrieves = ids.map(retrieveRequest)
  const load = (server: ServerProcess, requests: readonly Buffer[], seconds: number) =>
    measureRequests({ url: server.url, requests, connections: CONNECTIONS, seconds })
  const nothing = [requestBytes('GET', '/')]
  const creates = [createRequest()]
  await load(noop, nothing, WARM_UP_SECONDS)
  await load(ours, creates, WARM_UP_SECONDS)
  await load(ours, retrieves, WARM_UP_SECONDS)
  for (let turn = 0; turn < turnsOf(ROUNDS); turn++) {
    samples.noopBeforeCreate.push(await load(noop, nothing, TURN_SECONDS))
    samples.create.push(await load(ours, creates, TURN_SECONDS))
    samples.noopBeforeRetrieve.push(await load(noop, nothing, TURN_SECONDS))
    samples.retrieve.push(await load(ours, retrieves, TURN_SECONDS))
  }
}

function turnsOf(rounds: number): number {
  return Math.max(1, Math.round((rounds * SECONDS) / TURN_SECONDS))
}

async function measureUploads({ ours }: Candidates, samples: Samples): Promise<void> {
  const requests = [uploadRequest(SMALL_FILE_BYTES)]
  const load = { url: ours.url, requests, connections: UPLOAD_CONNECTIONS, seconds: SECONDS }
  for (let round = 0; round < ROUNDS; round++) samples.upload.push(await measureRequests(load))
}

async function measureAllBodies({ ours, plain }: Candidates, samples: Samples): Promise<void> {
  const megabytes = BODY_BYTES / 1e6
  for (let round = 0; round < ROUNDS; round++) {
    const { id, uploadUrl } = await newFile(ours.url, BODY_BYTES)
    const put = await putBody(uploadUrl, 'application/octet-stream', BODY_BYTES)
    samples.put.push(megabytes / put)
    settleDisk()
    samples.form.push(megabytes / (await postForm(ours.url + FORMS, `Bearer ${ROOT_KEY}`, BODY_BYTES)))
    settleDisk()
    const small = await newFile(ours.url, JSON_BODY_BYTES)
    const smallPut = await putBody(small.uploadUrl, 'application/octet-stream', JSON_BODY_BYTES)
    samples.putAsLarge.push(JSON_BODY_BYTES / 1e6 / smallPut)
    settleDisk()
    const json = await postJson(ours.url + JSON_FILES, `Bearer ${ROOT_KEY}`, JSON_BODY_BYTES)
    samples.json.push(JSON_BODY_BYTES / 1e6 / json)
    settleDisk()
    samples.plainPut.push(megabytes / (await putBody(plain.url, 'application/octet-stream', BODY_BYTES)))
    settleDisk()
    samples.get.push(megabytes / (await getBody(await completedFile(ours.url, id), BODY_BYTES)))
    samples.plainGet.push(megabytes / (await getBody(plain.url, BODY_BYTES)))
  }
}

/** What one candidate left for the disk to do must not be done in the next one's time. */
function settleDisk(): void {
  execFileSync('sync')
}

function figuresOf(samples: Samples): Figure[] {
  const { noopBeforeCreate, noopBeforeRetrieve, create, retrieve, put, plainPut, get, plainGet } = samples
  const { form, putAsLarge, json, upload } = samples
  const noop = [...noopBeforeCreate, ...noopBeforeRetrieve]
  return [
    { name: 'Fastify, no-op route', unit: 'req/s', samples: noop },
    { name: 'durable creates', unit: 'req/s', samples: create, of: noopBeforeCreate, target: 0.3 },
    { name: 'retrieves', unit: 'req/s', samples: retrieve, of: noopBeforeRetrieve, target: 0.5 },
    { name: 'plain stream to disk, PUT 512 MiB', unit: 'MB/s', samples: plainPut },
    { name: 'signed PUT 512 MiB', unit: 'MB/s', samples: put, of: plainPut, target: 0.75 },
    { name: 'multipart upload 512 MiB, of signed PUT', unit: 'MB/s', samples: form, of: put, target: 0.85 },
    { name: 'base64 JSON 120 MiB, of signed PUT', unit: 'MB/s', samples: json, of: putAsLarge, target: 0.4 },
    { name: 'durable uploads of 4 KiB, multipart, 32 connections', unit: 'req/s', samples: upload },
    { name: 'plain stream from disk, GET 512 MiB', unit: 'MB/s', samples: plainGet },
    { name: 'signed GET 512 MiB', unit: 'MB/s', samples: get, of: plainGet, target: 0.75 },
  ]
}

/** By the ratio that the table shows. */
function isMissed({ samples, of, target }: Figure): boolean {
  if (of === undefined || target === undefined) return false
  const ratio = medianOf(samples.map((sample, round) => sample / (of[round] ?? Number.NaN)))
  return !(ratio >= target)
}

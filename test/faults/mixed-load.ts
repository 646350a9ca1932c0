import { hash, randomUUID } from 'node:crypto'
import type { SeededRandom } from '../seeded-random.ts'
import { type Answer, ApiClient, type CreatedBody } from './api-client.ts'
import { ArrivalClient } from './arrival-client.ts'
import { appendAll, bringFile } from './arrival-load.ts'
import { type Arrival, newArrival } from './arrivals.ts'
import type { Finding } from './finding.ts'
import type { Ledger, LedgerEntry } from './ledger.ts'

const MIME_TYPE = 'application/octet-stream'

export interface MixedLoadOptions {
  /** Of the server. */
  readonly url: string
  readonly ledger: Ledger
  readonly random: SeededRandom
  /** Distinguishes the names of this load's files from all others. */
  readonly name: string
  /** Files left pending by earlier rounds, to be taken up again. */
  readonly pending: LedgerEntry[]
  readonly pendingArrivals: Arrival[]
  /** Once true, no more requests are made and broken connections are as they should be. */
  readonly isOver: () => boolean
  readonly findings: Finding[]
}

interface MixedLoad extends MixedLoadOptions {
  readonly client: ApiClient
  readonly arrivals: ArrivalClient
}

/** Works on one file after the other, in ever different ways, until the server is gone. */
export async function runMixedLoad(options: MixedLoadOptions): Promise<void> {
  const { url } = options
  const load = { ...options, client: new ApiClient(url), arrivals: new ArrivalClient(url) }
  for (let n = 0; !load.isOver(); n++) {
    try {
      if (load.random.chance(0.5)) await bringFile(load, nextArrival(load, n))
      else await workOn(load, nextEntry(load, n))
    } catch (error) {
      if (load.isOver()) return
      load.findings.push({ kind: 'broken-connection', detail: `${load.name}: ${describe(error)}` })
      return
    }
  }
}

function nextArrival({ ledger, random, name, pendingArrivals }: MixedLoad, n: number): Arrival {
  const left = random.chance(0.4) ? pendingArrivals.pop() : undefined
  if (left !== undefined) return left
  const arrival = newArrival(random, `${name}-${n}.bin`)
  ledger.arrivals.push(arrival)
  return arrival
}

function nextEntry({ ledger, random, name, pending }: MixedLoad, n: number): LedgerEntry {
  const left = random.chance(0.2) ? pending.pop() : undefined
  if (left !== undefined) return left
  return ledger.add({
    filename: `${name}-${n}.bin`,
    mimeType: MIME_TYPE,
    sizeBytes: sizeOf(random),
    idempotencyKey: random.chance(0.3) ? randomUUID() : undefined,
  })
}

/** Mostly small; some around the size from which on bodies are received differently; some of many chunks. */
function sizeOf(random: SeededRandom): number {
  if (random.chance(0.6)) return random.between(1, 2000)
  if (random.chance(0.5)) return 64 * 1024 + random.between(-1, 1)
  return random.between(100_000, 1_500_000)
}

async function workOn(load: MixedLoad, entry: LedgerEntry): Promise<void> {
  const { random } = load
  const created = entry.created ?? (await create(load, entry))
  if (random.chance(0.1) || load.isOver()) return
  if (random.chance(0.1)) return cancel(load, entry, created)
  await put(load, entry, created)
  if (random.chance(0.1)) await put(load, entry, created)
  if (random.chance(0.1)) return cancel(load, entry, created)
  if (random.chance(0.1)) return race(load, entry, created)
  if (random.chance(0.1)) await completeWrongly(load, created)
  await complete(load, entry, created, random.chance(0.8))
  if (random.chance(0.4)) await fetchBack(load, entry, created)
}

async function create(load: MixedLoad, entry: LedgerEntry): Promise<CreatedBody> {
  const { client, ledger, random } = load
  const answer = await client.create(entry, entry.idempotencyKey)
  expect(load, 'create', answer, 200)
  entry.createdText = answer.text
  entry.created = JSON.parse(answer.text) as CreatedBody
  await ledger.acknowledge(entry, 'created')
  if (entry.idempotencyKey === undefined || random.chance(0.5)) return entry.created
  const repeated = await client.create(entry, entry.idempotencyKey)
  if (repeated.text !== answer.text)
    load.findings.push({ kind: 'other-answer', detail: `a repeated create of ${entry.filename}` })
  return entry.created
}

/** Sometimes the first bytes come in pieces; a PUT replaces what of them has come. */
async function put(load: MixedLoad, entry: LedgerEntry, { uploadUrl }: CreatedBody): Promise<void> {
  const bytes = load.random.bytes(entry.sizeBytes) as Buffer<ArrayBuffer>
  const sent = { sha256: hash('sha256', bytes), md5: hash('md5', bytes), acknowledged: false }
  const isFirst = entry.sent.length === 0
  entry.sent.push(sent)
  if (isFirst && load.random.chance(0.3)) await appendAll(load, uploadUrl, bytes)
  else expect(load, 'put', await load.client.put(uploadUrl, entry.mimeType, bytes), 200)
  sent.acknowledged = true
  await load.ledger.acknowledge(entry, 'put', sent)
}

async function complete(
  load: MixedLoad,
  entry: LedgerEntry,
  { id }: CreatedBody,
  withMd5: boolean,
): Promise<void> {
  entry.triedToComplete = true
  expect(load, 'complete', await load.client.complete(id, withMd5 ? entry.sent.at(-1)?.md5 : undefined), 200)
  entry.final = 'COMPLETED'
  await load.ledger.acknowledge(entry, 'completed')
}

async function completeWrongly(load: MixedLoad, { id }: CreatedBody): Promise<void> {
  expect(load, 'complete with a wrong md5', await load.client.complete(id, '0'.repeat(32)), 422)
}

async function cancel(load: MixedLoad, entry: LedgerEntry, { id }: CreatedBody): Promise<void> {
  entry.triedToCancel = true
  expect(load, 'cancel', await load.client.cancel(id), 200)
  entry.final = 'CANCELLED'
  await load.ledger.acknowledge(entry, 'cancelled')
}

/** A complete and a cancel at once: exactly one of them wins, however often one looks. */
async function race(load: MixedLoad, entry: LedgerEntry, { id }: CreatedBody): Promise<void> {
  entry.triedToComplete = true
  entry.triedToCancel = true
  const [completed, cancelled] = await Promise.allSettled([load.client.complete(id), load.client.cancel(id)])
  const won = (outcome: PromiseSettledResult<Answer>) =>
    outcome.status === 'fulfilled' && outcome.value.status === 200
  if (won(completed) && won(cancelled))
    load.findings.push({ kind: 'two-outcomes', detail: `${entry.filename} was completed and cancelled` })
  if (!won(completed) && !won(cancelled)) {
    const broken = [completed, cancelled].find((outcome) => outcome.status === 'rejected')
    if (broken) throw broken.reason
    load.findings.push({
      kind: 'no-outcome',
      detail: `${entry.filename} was neither completed nor cancelled`,
    })
    return
  }
  entry.final = won(completed) ? 'COMPLETED' : 'CANCELLED'
  await load.ledger.acknowledge(entry, entry.final.toLowerCase())
}

async function fetchBack(load: MixedLoad, entry: LedgerEntry, { id }: CreatedBody): Promise<void> {
  const link = await load.client.link(id)
  expect(load, 'link', link, 200)
  const { sha256 } = await load.client.download((JSON.parse(link.text) as { url: string }).url)
  if (sha256 !== entry.sent.at(-1)?.sha256)
    load.findings.push({ kind: 'wrong-bytes', detail: `${entry.filename}, under load` })
}

/** @throws Error on another status, which ends this client's work */
function expect(load: MixedLoad, what: string, { status, text }: Answer, expected: number): void {
  if (status === expected) return
  load.findings.push({ kind: 'unexpected-answer', detail: `${what}: ${status} ${text}` })
  throw new Error(`${what} answered ${status}`)
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.message} ${error.cause ?? ''}` : String(error)
}

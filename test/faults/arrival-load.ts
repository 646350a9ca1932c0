import type { SeededRandom } from '../seeded-random.ts'
import type { ApiClient } from './api-client.ts'
import { type ArrivalClient, fileIdOf, type LinkAnswer, type Piece } from './arrival-client.ts'
import { type Arrival, contentOf, sha256Of } from './arrivals.ts'
import type { Finding } from './finding.ts'
import type { Ledger } from './ledger.ts'

/** Some bytes, a small piece, one of more than a slab, one of many. */
const PIECE_BYTES = [1, 700, 4096, 70 * 1024, 3 * 1024 * 1024]

export interface ArrivalLoad {
  readonly client: ApiClient
  readonly arrivals: ArrivalClient
  readonly ledger: Ledger
  readonly random: SeededRandom
  readonly findings: Finding[]
  /** Whether the server may have been told to stop. */
  readonly isOver: () => boolean
}

/** Brings a file, or goes on where an earlier client was interrupted. Rejects where an answer is not the right one. */
export async function bringFile(load: ArrivalLoad, arrival: Arrival): Promise<void> {
  if (arrival.way === 'link') await bringByLink(load, arrival)
  else await bringWhole(load, arrival, arrival.way)
  if (arrival.final !== 'STORED') return
  if (load.random.chance(0.3)) await fetchBack(load, arrival)
  if (load.random.chance(0.2)) await remove(load, arrival)
}

async function bringWhole(load: ArrivalLoad, arrival: Arrival, way: 'form' | 'json'): Promise<void> {
  const content = contentOf(arrival)
  arrival.contents = [sha256Of(content)]
  const id = await load.arrivals.bring(way, arrival.filename, content)
  if (typeof id === 'number') return unexpected(load, arrival, `a ${way}`, id)
  arrival.id = id
  await store(load, arrival)
}

async function bringByLink(load: ArrivalLoad, arrival: Arrival): Promise<void> {
  const { random, isOver } = load
  const content = contentOf(arrival)
  const whole = sha256Of(content)
  const isResumed = arrival.link !== undefined
  const link = arrival.link ?? (await create(load, arrival, content, whole))
  if (isResumed) await askOffset(load, arrival, link)
  while (arrival.final === undefined && !isOver()) {
    if (random.chance(0.04)) return
    if (random.chance(0.03)) return terminate(load, arrival, link)
    if (random.chance(0.03)) return replace(load, arrival, link)
    if (!arrival.contents.includes(whole)) arrival.contents.push(whole)
    const piece = nextPiece(random, arrival, content)
    if (random.chance(0.15)) await cutPiece(load, arrival, link, piece)
    else await append(load, arrival, link, piece)
  }
}

async function create(load: ArrivalLoad, arrival: Arrival, content: Buffer, whole: string): Promise<string> {
  const { filename, sizeBytes, isDeferred } = arrival
  const beginning = load.random.chance(0.3) ? content.subarray(0, load.random.pick(PIECE_BYTES)) : undefined
  arrival.sentBytes = beginning?.byteLength ?? 0
  arrival.contents = [whole]
  const answer = await load.arrivals.create(filename, isDeferred ? undefined : sizeBytes, beginning)
  // Of a creation that the stop of the server cuts off nothing stays, since nobody knows its link.
  if (answer.status === 503 && load.isOver()) {
    arrival.final = 'GONE'
    throw new Error('the server stops')
  }
  if (answer.status !== 201 || answer.location === undefined)
    return unexpected(load, arrival, 'a creation', answer.status)
  arrival.link = answer.location
  arrival.id = fileIdOf(answer.location)
  await note(load, arrival, 'a creation', answer, arrival.sentBytes)
  return answer.location
}

function nextPiece(
  random: SeededRandom,
  { acknowledgedBytes, sizeBytes, isDeferred }: Arrival,
  content: Buffer,
): Piece {
  const bytes = content.subarray(acknowledgedBytes, acknowledgedBytes + random.pick(PIECE_BYTES))
  const isLast = acknowledgedBytes + bytes.byteLength === sizeBytes
  const protocol = random.pick(['tus', 'draft'] as const)
  const tells = isDeferred && isLast && protocol === 'tus'
  return {
    ...{ protocol, bytes, isLast },
    offset: acknowledgedBytes,
    fileBytes: tells ? sizeBytes : undefined,
    hasChecksum: random.chance(0.2),
  }
}

async function append(load: ArrivalLoad, arrival: Arrival, link: string, piece: Piece): Promise<void> {
  const { isOver } = load
  const end = piece.offset + piece.bytes.byteLength
  arrival.sentBytes = Math.max(arrival.sentBytes, end)
  const answer = await load.arrivals.append(link, piece)
  if (isOvertaken(arrival, answer.status)) return askOffset(load, arrival, link)
  // Nothing of a piece with a checksum that the stop of the server cut off is kept.
  if (answer.status === 503 && piece.hasChecksum && isOver()) throw new Error('the server stops')
  const isRight =
    answer.status === 204 || (piece.protocol === 'draft' && piece.isLast && answer.status === 200)
  if (!isRight)
    return unexpected(load, arrival, `a piece by ${piece.protocol} at ${piece.offset}`, answer.status)
  const { offset = -1 } = answer
  // A stale request that came late has stopped this one, or the server has, since it stops.
  const mayBeStopped = arrival.mayBeStale || isOver()
  const isStopped = mayBeStopped && offset >= piece.offset && offset < end
  await note(load, arrival, `a piece by ${piece.protocol}`, answer, isStopped ? offset : end)
}

/** All bytes of an upload that has none yet, in pieces. */
export async function appendAll(
  { arrivals, random, findings, isOver }: Pick<ArrivalLoad, 'arrivals' | 'random' | 'findings' | 'isOver'>,
  link: string,
  content: Buffer,
): Promise<void> {
  for (let offset = 0; offset < content.byteLength; ) {
    const bytes = content.subarray(offset, offset + random.pick(PIECE_BYTES))
    const piece = { protocol: 'tus', offset, bytes, fileBytes: undefined, isLast: false } as const
    const answer = await arrivals.append(link, { ...piece, hasChecksum: random.chance(0.2) })
    offset += bytes.byteLength
    if (answer.status === 204 && answer.offset === offset) continue
    // A server that stops ends what is under way: it tells how far it came, or that a piece with a checksum was not kept.
    if ((answer.status === 204 || answer.status === 503) && isOver()) throw new Error('the server stops')
    const detail = `a piece up to ${offset}: ${answer.status}, ${answer.offset}`
    findings.push({ kind: 'unexpected-answer', detail })
    throw new Error(detail)
  }
}

/** Refused because a request that was cut off came late, and moved the offset or brought the last byte. */
function isOvertaken({ mayBeStale }: Arrival, status: number): boolean {
  return mayBeStale && (status === 409 || status === 403)
}

/** The client asks for the offset when its connection broke, at once. */
async function cutPiece(load: ArrivalLoad, arrival: Arrival, link: string, piece: Piece): Promise<void> {
  const sentBytes = load.random.between(0, piece.bytes.byteLength)
  arrival.sentBytes = Math.max(arrival.sentBytes, piece.offset + sentBytes)
  arrival.mayBeStale = true
  await load.arrivals.breakOff(link, piece, sentBytes)
  await askOffset(load, arrival, link)
}

async function askOffset(load: ArrivalLoad, arrival: Arrival, link: string): Promise<void> {
  const answer = await load.arrivals.head(link)
  if (answer.status !== 200) return unexpected(load, arrival, 'HEAD', answer.status)
  const { offset = -1, isLengthKnown } = answer
  const { acknowledgedBytes, sentBytes, filename } = arrival
  if (offset < acknowledgedBytes || offset > sentBytes)
    load.findings.push({
      kind: 'wrong-offset',
      detail: `${filename}: ${offset}, of ${acknowledgedBytes} acknowledged and ${sentBytes} sent`,
    })
  await note(load, arrival, 'HEAD', answer, offset, isLengthKnown)
}

/** Records how far the upload is. A file whose last byte has come, and whose length is told, is stored. */
async function note(
  load: ArrivalLoad,
  arrival: Arrival,
  what: string,
  { offset = -1 }: LinkAnswer,
  expected: number,
  isLengthKnown = true,
): Promise<void> {
  const { filename, sizeBytes } = arrival
  if (offset !== expected)
    load.findings.push({
      kind: 'wrong-offset',
      detail: `${filename}: ${offset} after ${what} up to ${expected}`,
    })
  arrival.acknowledgedBytes = Math.max(arrival.acknowledgedBytes, offset)
  await load.ledger.record('offset', { filename, offset })
  if (offset === sizeBytes && isLengthKnown && (what !== 'a creation' || !arrival.isDeferred))
    await store(load, arrival)
}

async function store({ ledger }: ArrivalLoad, arrival: Arrival): Promise<void> {
  arrival.final = 'STORED'
  await ledger.record('stored', { filename: arrival.filename, sha256: arrival.contents })
}

/** A PUT of the whole, with other bytes. */
async function replace(load: ArrivalLoad, arrival: Arrival, link: string): Promise<void> {
  const content = contentOf({ ...arrival, seed: arrival.seed + 1 })
  const sha256 = sha256Of(content)
  arrival.contents.push(sha256)
  arrival.sentBytes = arrival.sizeBytes
  const status = await load.arrivals.replace(link, content)
  if (isOvertaken(arrival, status)) {
    arrival.contents.pop()
    return askOffset(load, arrival, link)
  }
  if (status !== 200) return unexpected(load, arrival, 'a PUT', status)
  arrival.contents = [sha256]
  arrival.acknowledgedBytes = arrival.sizeBytes
  await store(load, arrival)
}

async function terminate(load: ArrivalLoad, arrival: Arrival, link: string): Promise<void> {
  arrival.triedToEnd = true
  const status = await load.arrivals.terminate(link)
  if (isOvertaken(arrival, status)) {
    arrival.triedToEnd = false
    return askOffset(load, arrival, link)
  }
  if (status !== 204) return unexpected(load, arrival, 'a DELETE', status)
  await end(load, arrival)
}

async function remove(load: ArrivalLoad, arrival: Arrival): Promise<void> {
  const api = load.random.pick(['llamacloud', 'yandex'] as const)
  arrival.triedToEnd = true
  if (!(await load.arrivals.delete(arrival.id ?? '', api)))
    return unexpected(load, arrival, `a delete by ${api}`, undefined)
  await end(load, arrival)
}

async function end({ ledger }: ArrivalLoad, arrival: Arrival): Promise<void> {
  arrival.final = 'GONE'
  await ledger.record('gone', { filename: arrival.filename })
}

async function fetchBack(
  { client, findings }: ArrivalLoad,
  { id, filename, contents }: Arrival,
): Promise<void> {
  const link = JSON.parse((await client.link(id ?? '')).text) as { url: string }
  const { sha256 } = await client.download(link.url)
  if (!contents.includes(sha256)) findings.push({ kind: 'wrong-bytes', detail: `${filename}, under load` })
}

/** @throws Error always, which ends this client's work */
function unexpected(
  { findings }: ArrivalLoad,
  { filename }: Arrival,
  what: string,
  status: number | undefined,
): never {
  findings.push({ kind: 'unexpected-answer', detail: `${what} of ${filename}: ${status}` })
  throw new Error(`${what} answered ${status}`)
}

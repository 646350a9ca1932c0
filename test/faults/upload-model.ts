import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { collectBlobs } from '../../src/core/upkeep/collect-blobs.ts'
import { joinSegments } from '../../src/core/upkeep/join-segments.ts'
import type { TestServer } from '../harness.ts'
import { exchange, LightfieldClient, ok } from '../lightfield-client.ts'
import type { SeededRandom } from '../seeded-random.ts'
import { PUBLIC_URL } from './api-client.ts'
import { ArrivalClient, fileIdOf, type LinkAnswer, type Piece } from './arrival-client.ts'
import { ROOT_KEY } from './server-process.ts'

/** As a client of one link sees an upload. */
interface ModelUpload {
  readonly link: string
  readonly id: string
  /** Whether an API has to complete it. */
  readonly isCompleted: boolean
  /** Of the whole; undefined: not told yet. */
  length: number | undefined
  content: Buffer
  state: 'pending' | 'stored' | 'gone'
}

/** The end of a slab, and of several, are where most can go wrong. */
const EDGES = [0, 1, 5000, 64 * 1024, 256 * 1024]
const MOST_UPLOADS = 5
/** Within it a request that was cut off reaches a server of this process. */
const ARRIVAL_MS = 60

/** Takes random steps on a server, and knows what has to come of them. */
export class UploadModel {
  readonly #server: TestServer
  readonly #random: SeededRandom
  readonly #uploads: ModelUpload[] = []

  constructor(server: TestServer, random: SeededRandom) {
    this.#server = server
    this.#random = random
  }

  /** @returns what was done; throws where the server did anything else */
  async step(): Promise<string> {
    const { name, upload } = await this.#act()
    try {
      if (upload !== undefined) await this.#compare(upload)
    } catch (error) {
      throw new Error(`after ${name}`, { cause: error })
    }
    return name
  }

  /** All of them, to their last byte. */
  async compareAll(): Promise<void> {
    for (const upload of this.#uploads) await this.#compare(upload)
  }

  async #act(): Promise<{ readonly name: string; readonly upload?: ModelUpload | undefined }> {
    const random = this.#random
    const kind = random.below(100)
    const upload = this.#uploads.length === 0 ? undefined : random.pick(this.#uploads)
    if (upload === undefined || (kind < 10 && this.#uploads.length < MOST_UPLOADS))
      return { name: 'create', upload: await this.#create() }
    if (kind < 60) return { name: await this.#append(upload), upload }
    if (kind < 66) return { name: await this.#put(upload), upload }
    if (kind < 72) return { name: await this.#complete(upload), upload }
    if (kind < 76) return { name: await this.#end(upload), upload }
    if (kind < 86) return { name: await this.#readRange(upload), upload }
    if (kind < 94) return { name: await this.#join(), upload }
    if (kind < 97) return { name: await this.#restart() }
    return { name: 'look', upload }
  }

  get #arrivals(): ArrivalClient {
    return new ArrivalClient(this.#server.url)
  }

  get #field(): LightfieldClient {
    return new LightfieldClient({ url: this.#server.url, key: ROOT_KEY })
  }

  #reachable(link: string): string {
    return link.replace(PUBLIC_URL, this.#server.url)
  }

  /** Around an edge. */
  #bytes(): Buffer {
    const length = this.#random.pick(EDGES) + this.#random.between(-2, 2)
    return this.#random.bytes(Math.max(0, length))
  }

  async #create(): Promise<ModelUpload> {
    const length = 1 + this.#bytes().length * this.#random.between(1, 3)
    const isCompleted = this.#random.chance(0.4)
    const isDeferred = !isCompleted && this.#random.chance(0.4)
    const link = isCompleted
      ? (await this.#field.pending({ filename: 'a.bin', sizeBytes: length })).uploadUrl
      : (await this.#arrivals.create('a.bin', isDeferred ? undefined : length, undefined)).location
    assert.ok(link)
    const [content, id] = [Buffer.alloc(0), fileIdOf(link)]
    const upload: ModelUpload = {
      ...{ link, id, isCompleted, content },
      length: isDeferred ? undefined : length,
      state: 'pending',
    }
    this.#uploads.push(upload)
    return upload
  }

  async #append(upload: ModelUpload): Promise<string> {
    const random = this.#random
    const at = upload.content.length
    const bytes = this.#bytes()
    const offset = random.chance(0.85) ? at : random.between(0, at + 10)
    const end = offset + bytes.length
    const protocol = random.pick(['tus', 'draft'] as const)
    // By the draft the last piece tells the length.
    const isLast =
      protocol === 'draft' && (upload.length === undefined ? random.chance(0.2) : end === upload.length)
    const tells = protocol === 'tus' && upload.length === undefined && random.chance(0.3)
    const fileBytes = tells ? end + random.pick([0, 1000]) : undefined
    const hasChecksum = random.chance(0.2)
    const piece = { protocol, offset, bytes, fileBytes, isLast, hasChecksum }
    const isCut = random.chance(0.2) && bytes.length > 0
    const name = `${isCut ? 'cut' : 'append'} ${bytes.length} at ${offset} of ${at} by ${protocol}, to ${upload.length}`
    const sentBytes = random.below(bytes.length)
    const answer = isCut
      ? await this.#breakOff(upload, piece, sentBytes)
      : await this.#arrivals.append(upload.link, piece)
    const refusal = refusalOf(upload, piece)
    if (refusal !== undefined) {
      if (!isCut) assert.equal(answer.status, refusal, name)
      if (refusal === 409 && !isCut) assert.equal(answer.offset, at, name)
      return `${name}: refused`
    }
    const told = fileBytes ?? (isLast ? end : undefined)
    // It counts from the head of a request on, if that has come.
    if (!isCut || answer.isLengthKnown) upload.length ??= told
    const took = isCut ? (answer.offset ?? -1) - at : bytes.length
    if (isCut) {
      const most = hasChecksum && protocol === 'tus' ? 0 : sentBytes
      assert.ok(took >= 0 && took <= most, `${name}: ${took} of ${most} were kept`)
    } else {
      const isWhole = upload.length === end
      assert.ok(answer.status === 204 || (protocol === 'draft' && isWhole && answer.status === 200), name)
      assert.equal(answer.offset, end, name)
    }
    upload.content = Buffer.concat([upload.content, bytes.subarray(0, took)])
    settle(upload)
    return name
  }

  /** @returns what the server tells afterwards */
  async #breakOff({ link }: ModelUpload, piece: Piece, sentBytes: number): Promise<LinkAnswer> {
    await this.#arrivals.breakOff(link, piece, sentBytes)
    await sleep(ARRIVAL_MS)
    return this.#arrivals.head(link)
  }

  async #put(upload: ModelUpload): Promise<string> {
    const isRight = this.#random.chance(0.8)
    const length = upload.length ?? this.#bytes().length + 1
    const bytes = this.#random.bytes(length + (isRight || upload.length === undefined ? 0 : 1))
    const headers = upload.isCompleted ? { 'content-type': 'text/plain' } : {}
    const { status } = await exchange('PUT', this.#reachable(upload.link), bytes, headers)
    const name = `put ${bytes.length} to ${upload.length}, ${upload.state}`
    if (upload.state !== 'pending') assert.ok(status === 403 || status === 404, `${name}: ${status}`)
    else if (bytes.length !== length) assert.ok(status === 400 || status === 413, `${name}: ${status}`)
    else {
      assert.equal(status, 200, name)
      Object.assign(upload, { content: bytes, length })
      settle(upload)
    }
    return name
  }

  async #complete(upload: ModelUpload): Promise<string> {
    const { status } = await this.#field.complete(upload.id)
    const name = `complete at ${upload.content.length} of ${upload.length}, ${upload.state}`
    const isWhole =
      upload.state === 'stored' || (upload.state === 'pending' && upload.content.length === upload.length)
    assert.equal(status === 200, isWhole, `${name}: ${status}`)
    if (isWhole) upload.state = 'stored'
    return name
  }

  async #end(upload: ModelUpload): Promise<string> {
    const { state } = upload
    if (state === 'stored') {
      assert.ok(await this.#arrivals.delete(upload.id, this.#random.pick(['llamacloud', 'yandex'])))
    } else assert.equal(await this.#arrivals.terminate(upload.link), state === 'gone' ? 410 : 204)
    upload.state = 'gone'
    this.#uploads.splice(this.#uploads.indexOf(upload), 1)
    return `end, ${state}`
  }

  async #readRange({ id, state, content }: ModelUpload): Promise<string> {
    if (state !== 'stored' || content.length === 0) return 'no read'
    const link = this.#reachable(await this.#field.link(id))
    const first = this.#random.below(content.length)
    const last = this.#random.between(first, content.length - 1)
    const answer = await fetch(link, { headers: { range: `bytes=${first}-${last}` } })
    assert.equal(answer.status, 206)
    assert.ok(content.subarray(first, last + 1).equals(await answer.bytes()), `${first} to ${last}`)
    return `read ${first} to ${last}`
  }

  async #join(): Promise<string> {
    const { services } = this.#server.app
    while ((await joinSegments(services)) > 0);
    await collectBlobs(services)
    return 'join'
  }

  async #restart(): Promise<string> {
    await this.#server.restart()
    return 'restart'
  }

  async #compare({ link, id, state, content, length }: ModelUpload): Promise<void> {
    const { status, offset, isLengthKnown } = await this.#arrivals.head(link)
    if (state === 'gone') return assert.equal(status, 410)
    assert.deepEqual([status, offset, isLengthKnown], [200, content.length, length !== undefined])
    const file = ok(await this.#field.retrieve(id))
    assert.equal(file.status, state === 'stored' ? 'COMPLETED' : 'PENDING')
    if (state !== 'stored') return
    const bytes = await (await fetch(this.#reachable(await this.#field.link(id)))).bytes()
    assert.ok(content.equals(bytes), 'the file has other bytes')
  }
}

/** All bytes of an upload that nobody has to complete make it a file. */
function settle(upload: ModelUpload): void {
  if (!upload.isCompleted && upload.content.length === upload.length) upload.state = 'stored'
}

/** The status with which a piece is refused by what its headers tell; undefined: it is taken. */
function refusalOf({ state, content, length }: ModelUpload, piece: Piece): number | undefined {
  const { protocol, offset, bytes, fileBytes } = piece
  const end = offset + bytes.length
  if (state === 'gone') return protocol === 'tus' ? 410 : 403
  if (state === 'stored' && protocol === 'tus') return 403
  if (offset !== content.length) return 409
  // A client of the draft that lost the last answer asks for it again.
  if (protocol === 'draft' && content.length === length)
    return piece.isLast && bytes.length === 0 ? undefined : 403
  return end > (length ?? fileBytes ?? Number.POSITIVE_INFINITY) ? 413 : undefined
}

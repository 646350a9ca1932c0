import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { type Body, type Bytes, readBody } from './body.ts'
import { type Credentials, S3Refusal, verifySignature } from './signature.ts'

/** What this store does not do, or does otherwise. */
export interface S3Quirks {
  /** Ignores `If-None-Match` and `x-amz-copy-source-if-match`, as Garage does. */
  readonly noConditions?: boolean
  /** Refuses checksum headers, as some stores do (aws-sdk-js-v3#6810). */
  readonly noChecksums?: boolean
  /** The same for SHA-256 alone. */
  readonly noDigests?: boolean
  readonly versioned?: boolean
  /** ETags that are no MD5, as with encryption by KMS. */
  readonly opaqueEtags?: boolean
  /** By how much its clock is ahead. */
  readonly clockAheadMs?: number
  /** Entries of a page of a list. */
  readonly pageSize?: number
}

/** Something that goes wrong, once unless `times` says otherwise. */
export interface Fault {
  /** Such as `PutObject`. */
  readonly operation: string
  readonly times?: number
  /** Requests of this operation that pass first. */
  readonly skip?: number
  readonly effect: /** Nobody answers, and nothing is done. */
    | 'silence'
    /** The connection breaks, and nothing is done. */
    | 'reset'
    /** It is done, and the connection breaks. */
    | 'response-lost'
    /** It is done, and the answer is an error. */
    | { readonly doneBut: number; readonly code: string }
    /** Nothing is done. */
    | { readonly status: number; readonly code: string }
    /** Nothing is done, and the answer is a success with an error in it. */
    | { readonly okWith: string }
    /** The body of the answer ends after so many bytes; without a word if `quietly`. */
    | { readonly cutAfter: number }
    | { readonly delayMs: number }
}

interface StoredObject {
  readonly body: Body
  readonly etag: string
  readonly headers: Record<string, string>
  readonly checksums: Record<string, string>
  readonly versionId: string
}

interface OpenUpload {
  readonly name: string
  readonly headers: Record<string, string>
  readonly parts: Map<number, { readonly body: Body; readonly etag: string }>
}

interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: string | Bytes
}

interface Call {
  readonly operation: string
  readonly name: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: Body
}

export const testCredentials: Credentials = {
  accessKeyId: 'AKIAENTREPOTTEST',
  secretAccessKey: 'a secret that only tests know',
}
export const TEST_BUCKET = 'entrepot-test'

/**
 * An S3 server of one bucket, in memory but for large objects, for faults and counters that a real one does not offer. Honest
 * where clients rely on it: signatures, hashes, checksums, conditions, ranges, equal parts and their least size are checked as
 * S3 documents them.
 */
export class S3TestServer {
  readonly bucket = TEST_BUCKET
  readonly credentials = testCredentials
  readonly objects = new Map<string, StoredObject>()
  readonly uploads = new Map<string, OpenUpload>()
  /** Bytes of bodies, by how the request was signed: in its headers by us, in its URL by a client that was given one. */
  readonly bytes = { signed: { in: 0, out: 0 }, presigned: { in: 0, out: 0 } }
  /** Operations in the order of their arrival. */
  readonly calls: string[] = []
  /** The names of objects that somebody sent whole, in the order of their arrival. */
  readonly puts: string[] = []
  quirks: S3Quirks
  /** Requests that are not answered yet. */
  inFlight = 0
  #faults: { fault: Fault; skip: number; left: number }[] = []
  #folder: Promise<string> | undefined
  #server: Server

  private constructor(quirks: S3Quirks) {
    this.quirks = quirks
    this.#server = createServer((request, response) => this.#handle(request, response))
    // As long as stores in use: a busy machine should not be met by connections that are just closing.
    this.#server.keepAliveTimeout = 60_000
  }

  static async start(quirks: S3Quirks = {}): Promise<S3TestServer> {
    const server = new S3TestServer(quirks)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  break(...faults: Fault[]): void {
    this.#faults.push(...faults.map((fault) => ({ fault, skip: fault.skip ?? 0, left: fault.times ?? 1 })))
  }

  heal(): void {
    this.#faults = []
  }

  /** How many are open. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
    })
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    if (this.#folder !== undefined) await rm(await this.#folder, { recursive: true, force: true })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.inFlight++
    request.on('error', () => {})
    response.on('error', () => {})
    try {
      const url = new URL(request.url ?? '', this.endpoint)
      const now = Date.now() + (this.quirks.clockAheadMs ?? 0)
      response.sendDate = false
      response.setHeader('date', new Date(now).toUTCString())
      const [, bucket = '', ...rest] = url.pathname.split('/')
      const name = decodeURIComponent(rest.join('/'))
      const operation = operationOf(request, url, name)
      const fault = this.#nextFault(operation)
      if (fault?.effect === 'silence') return
      if (fault?.effect === 'reset') return void request.socket.resetAndDestroy()
      const { presigned, payloadHash } = verifySignature(request, url, this.credentials, now)
      const body = await readBody(request, Number(request.headers['content-length'] ?? 0), () =>
        this.#newFile(),
      )
      this.calls.push(operation)
      if (operation === 'PutObject') this.puts.push(name)
      const counter = presigned ? this.bytes.presigned : this.bytes.signed
      counter.in += body.size
      if (bucket !== this.bucket) throw new S3Refusal(404, 'NoSuchBucket')
      checkPayload(payloadHash, body)
      const effect = fault?.effect
      if (typeof effect === 'object') {
        if ('delayMs' in effect) await delay(effect.delayMs)
        if ('status' in effect) throw new S3Refusal(effect.status, effect.code)
        if ('okWith' in effect) return send(response, { body: errorXml(effect.okWith, effect.okWith) })
      }
      const answer = await this.#perform({ operation, name, url, headers: request.headers, body })
      if (effect === 'response-lost') return void request.socket.resetAndDestroy()
      if (typeof effect === 'object' && 'doneBut' in effect) throw new S3Refusal(effect.doneBut, effect.code)
      const sent = sizeOf(answer)
      if (request.method !== 'HEAD') counter.out += sent
      if (typeof effect === 'object' && 'cutAfter' in effect) return cut(response, answer, effect.cutAfter)
      send(response, answer, request.method === 'HEAD')
    } catch (error) {
      if (!(error instanceof S3Refusal)) {
        response.destroy()
        if (hasGone(error)) return
        throw error
      }
      request.resume()
      const xml = errorXml(error.code, error.message)
      send(
        response,
        { status: error.status, headers: { 'content-type': 'application/xml' }, body: xml },
        request.method === 'HEAD',
      )
    } finally {
      this.inFlight--
    }
  }

  async #newFile(): Promise<string> {
    this.#folder ??= mkdtemp(join(tmpdir(), 'entrepot-s3-'))
    return join(await this.#folder, randomUUID())
  }

  #nextFault(operation: string): Fault | undefined {
    const due = this.#faults.find(({ fault, left }) => fault.operation === operation && left > 0)
    if (due === undefined) return undefined
    if (due.skip > 0) {
      due.skip--
      return undefined
    }
    due.left--
    return due.fault
  }

  #perform(call: Call): Answer | Promise<Answer> {
    switch (call.operation) {
      case 'PutObject':
        return this.#put(call)
      case 'CopyObject':
        return this.#copy(call)
      case 'GetObject':
      case 'HeadObject':
        return this.#get(call)
      case 'DeleteObject':
        // With versions a delete by name alone only hides what is there.
        if (!this.quirks.versioned || call.url.searchParams.has('versionId')) this.objects.delete(call.name)
        return { status: 204 }
      case 'ListObjectsV2':
        return this.#list(call)
      case 'ListMultipartUploads':
        return this.#listUploads(call)
      case 'CreateMultipartUpload':
        return this.#createUpload(call)
      case 'UploadPart':
        return this.#uploadPart(call)
      case 'CompleteMultipartUpload':
        return this.#completeUpload(call)
      case 'AbortMultipartUpload':
        this.#uploadOf(call)
        this.uploads.delete(call.url.searchParams.get('uploadId') ?? '')
        return { status: 204 }
      default:
        throw new S3Refusal(501, 'NotImplemented', call.operation)
    }
  }

  #put({ name, headers, body }: Call): Answer {
    const checksums = this.#checkChecksum(headers, body)
    if (headers['if-none-match'] === '*' && !this.quirks.noConditions && this.objects.has(name))
      throw new S3Refusal(412, 'PreconditionFailed')
    const object = this.#store(name, body, keptHeaders(headers), checksums)
    return { headers: { etag: object.etag, ...checksums, ...this.#versionOf(object) } }
  }

  #store(
    name: string,
    body: Body,
    headers: Record<string, string>,
    checksums: Record<string, string>,
    etag = this.#etagOf(body),
  ) {
    const object = { body, etag, headers, checksums, versionId: randomUUID() }
    this.objects.set(name, object)
    return object
  }

  #etagOf({ md5 }: Body): string {
    return this.quirks.opaqueEtags ? `"${randomUUID()}"` : `"${md5}"`
  }

  #versionOf({ versionId }: StoredObject): Record<string, string> {
    return this.quirks.versioned ? { 'x-amz-version-id': versionId } : {}
  }

  #checkChecksum(headers: Call['headers'], body: Body): Record<string, string> {
    const given = Object.keys(headers).find(
      (name) => name.startsWith('x-amz-checksum-') || name === 'x-amz-sdk-checksum-algorithm',
    )
    if (given === undefined) return {}
    if (this.quirks.noChecksums) throw new S3Refusal(501, 'NotImplemented', `${given} is not implemented`)
    if (this.quirks.noDigests && given === 'x-amz-checksum-sha256') throw new S3Refusal(501, 'NotImplemented')
    const sums: Record<string, string> = {
      'x-amz-checksum-crc32': crc32Base64(body),
      'x-amz-checksum-sha256': sha256Base64(body),
    }
    for (const [name, sum] of Object.entries(sums)) {
      if (headers[name] !== undefined && headers[name] !== sum) throw new S3Refusal(400, 'BadDigest')
    }
    return Object.fromEntries(Object.entries(sums).filter(([name]) => headers[name] !== undefined))
  }

  #copy({ name, headers }: Call): Answer {
    const [bucket, ...rest] = decodeURIComponent(String(headers['x-amz-copy-source']))
      .replace(/^\//, '')
      .split('/')
    const source = this.objects.get(rest.join('/'))
    if (bucket !== this.bucket || source === undefined) throw new S3Refusal(404, 'NoSuchKey')
    const match = headers['x-amz-copy-source-if-match']
    if (match !== undefined && match !== source.etag && !this.quirks.noConditions)
      throw new S3Refusal(412, 'PreconditionFailed')
    const wantsSum = headers['x-amz-checksum-algorithm'] === 'SHA256'
    if (wantsSum && this.quirks.noChecksums) throw new S3Refusal(501, 'NotImplemented')
    const kept = headers['x-amz-metadata-directive'] === 'REPLACE' ? keptHeaders(headers) : source.headers
    const { etag } = this.#store(name, source.body, kept, {})
    const sum = wantsSum ? `<ChecksumSHA256>${sha256Base64(source.body)}</ChecksumSHA256>` : ''
    return xml(`<CopyObjectResult><ETag>${etag}</ETag>${sum}</CopyObjectResult>`)
  }

  #get({ name, headers, url }: Call): Answer {
    const object = this.objects.get(name)
    if (object === undefined) throw new S3Refusal(404, 'NoSuchKey')
    const match = headers['if-match']
    if (match !== undefined && match !== object.etag) throw new S3Refusal(412, 'PreconditionFailed')
    const about: Record<string, string> = {
      ...object.headers,
      etag: object.etag,
      'accept-ranges': 'bytes',
      ...this.#versionOf(object),
    }
    for (const name of ['content-type', 'content-disposition', 'cache-control']) {
      const wanted = url.searchParams.get(`response-${name}`)
      if (wanted !== null) about[name] = wanted
    }
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
    const { body } = object
    if (first === undefined) return { headers: about, body }
    if (Number(first) >= body.size) throw new S3Refusal(416, 'InvalidRange')
    const end = Math.min(Number(last), body.size - 1)
    return {
      status: 206,
      headers: { ...about, 'content-range': `bytes ${first}-${end}/${body.size}` },
      body: body.slice(Number(first), end + 1),
    }
  }

  #list({ url }: Call): Answer {
    const prefix = url.searchParams.get('prefix') ?? ''
    const after = url.searchParams.get('continuation-token') ?? ''
    const names = [...this.objects.keys()].filter((name) => name.startsWith(prefix) && name > after).sort()
    const page = names.slice(0, this.quirks.pageSize ?? 1000)
    const more = page.length < names.length
    const entries = page.map(
      (name) => `<Contents><Key>${name}</Key><Size>${this.objects.get(name)?.body.size}</Size></Contents>`,
    )
    const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
    return xml(
      `<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${entries.join('')}</ListBucketResult>`,
    )
  }

  #listUploads({ url }: Call): Answer {
    const prefix = url.searchParams.get('prefix') ?? ''
    const marker = url.searchParams.get('upload-id-marker') ?? ''
    const found = [...this.uploads].filter(([id, { name }]) => name.startsWith(prefix) && id > marker).sort()
    const page = found.slice(0, this.quirks.pageSize ?? 1000)
    const more = page.length < found.length
    const entries = page.map(
      ([id, { name }]) => `<Upload><Key>${name}</Key><UploadId>${id}</UploadId></Upload>`,
    )
    const [nextId, next] = page.at(-1) ?? []
    const markers = more
      ? `<NextKeyMarker>${next?.name}</NextKeyMarker><NextUploadIdMarker>${nextId}</NextUploadIdMarker>`
      : ''
    return xml(
      `<ListMultipartUploadsResult><IsTruncated>${more}</IsTruncated>${markers}${entries.join('')}</ListMultipartUploadsResult>`,
    )
  }

  #createUpload({ name, headers }: Call): Answer {
    if (headers['x-amz-checksum-algorithm'] !== undefined && this.quirks.noChecksums)
      throw new S3Refusal(501, 'NotImplemented')
    const id = randomUUID()
    this.uploads.set(id, { name, headers: keptHeaders(headers), parts: new Map() })
    return xml(
      `<InitiateMultipartUploadResult><Key>${name}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    )
  }

  #uploadPart(call: Call): Answer {
    const upload = this.#uploadOf(call)
    const checksums = this.#checkChecksum(call.headers, call.body)
    const etag = `"${call.body.md5}"`
    upload.parts.set(Number(call.url.searchParams.get('partNumber')), { body: call.body, etag })
    return { headers: { etag, ...checksums } }
  }

  async #completeUpload(call: Call): Promise<Answer> {
    const upload = this.#uploadOf(call)
    const list = await text(call.body.open())
    const named = [...list.matchAll(/<Part>.*?<\/Part>/gs)].map(([part]) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      etag: (/<ETag>([^<]+)</.exec(part)?.[1] ?? '').replaceAll('&quot;', '"'),
    }))
    const parts = named.map(({ number, etag }) => {
      const part = upload.parts.get(number)
      if (part === undefined || part.etag !== etag) throw new S3Refusal(400, 'InvalidPart')
      return part
    })
    if (named.some(({ number }, i) => number !== i + 1)) throw new S3Refusal(400, 'InvalidPartOrder')
    const sizes = parts.slice(0, -1).map(({ body }) => body.size)
    if (sizes.some((size) => size < 5 * 1024 * 1024)) throw new S3Refusal(400, 'EntityTooSmall')
    if (sizes.some((size) => size !== sizes[0]))
      throw new S3Refusal(400, 'InvalidPart', 'All non-trailing parts must have the same length.')
    const digests = createHash('md5')
    for (const { body } of parts) digests.update(body.md5, 'hex')
    const etag = `"${digests.digest('hex')}-${parts.length}"`
    const whole = await this.#join(parts.map(({ body }) => body))
    // Of two at once one finds it, as of two one after the other.
    this.#uploadOf(call)
    this.#store(call.name, whole, upload.headers, {}, etag)
    this.uploads.delete(call.url.searchParams.get('uploadId') ?? '')
    return xml(
      `<CompleteMultipartUploadResult><Key>${call.name}</Key><ETag>${etag}</ETag></CompleteMultipartUploadResult>`,
    )
  }

  #join(parts: readonly Body[]): Promise<Body> {
    async function* chunks() {
      for (const part of parts) yield* part.open()
    }
    const size = parts.reduce((sum, part) => sum + part.size, 0)
    return readBody(chunks(), size, () => this.#newFile())
  }

  #uploadOf({ url, name }: Call): OpenUpload {
    const upload = this.uploads.get(url.searchParams.get('uploadId') ?? '')
    if (upload === undefined || upload.name !== name) throw new S3Refusal(404, 'NoSuchUpload')
    return upload
  }
}

function operationOf({ method, headers }: IncomingMessage, { searchParams }: URL, name: string): string {
  const has = (parameter: string) => searchParams.has(parameter)
  if (name === '')
    return has('uploads') ? 'ListMultipartUploads' : has('list-type') ? 'ListObjectsV2' : `${method} bucket`
  if (method === 'PUT')
    return has('uploadId') ? 'UploadPart' : headers['x-amz-copy-source'] ? 'CopyObject' : 'PutObject'
  if (method === 'POST') return has('uploads') ? 'CreateMultipartUpload' : 'CompleteMultipartUpload'
  if (method === 'DELETE') return has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject'
  return method === 'HEAD' ? 'HeadObject' : 'GetObject'
}

function checkPayload(hash: string, { sha256 }: Body): void {
  if (hash === 'UNSIGNED-PAYLOAD') return
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new S3Refusal(501, 'NotImplemented', hash)
  if (sha256 !== hash) throw new S3Refusal(400, 'XAmzContentSHA256Mismatch')
}

function keptHeaders(headers: IncomingMessage['headers']): Record<string, string> {
  const kept = Object.entries(headers).filter(
    ([name]) => name === 'content-type' || name.startsWith('x-amz-meta-'),
  )
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]))
}

function sizeOf({ body = '' }: Answer): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : body.size
}

function send(response: ServerResponse, answer: Answer, head = false): void {
  const { status = 200, headers = {}, body = '' } = answer
  response.writeHead(status, { ...headers, 'content-length': sizeOf(answer) })
  if (head || typeof body === 'string') return void response.end(head ? undefined : body)
  // Who reads may go away.
  pipeline(body.open(), response, () => {})
}

/** The head promises all of the body, and the connection ends too early. */
async function cut(response: ServerResponse, answer: Answer, bytes: number): Promise<void> {
  const { status = 200, headers = {}, body = '' } = answer
  response.writeHead(status, { ...headers, 'content-length': sizeOf(answer) })
  const whole = typeof body === 'string' ? Buffer.from(body) : await buffer(body.open())
  response.write(whole.subarray(0, bytes), () => response.destroy())
}

/** Whether it says that the other side has. */
function hasGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE'
}

function xml(body: string): Answer {
  return {
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  }
}

function errorXml(code: string, message: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`
}

function sha256Base64({ sha256 }: Body): string {
  return Buffer.from(sha256, 'hex').toString('base64')
}

function crc32Base64(body: Body): string {
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(body.crc32)
  return sum.toString('base64')
}

import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { TestServer } from '../../test/harness.ts'
import { keptBodies } from '../../test/kept-bodies.ts'
import { exchange, LightfieldClient } from '../../test/lightfield-client.ts'
import { linkToken } from '../../test/link-token.ts'
import { LlamaCloudClient } from '../../test/llamacloud-client.ts'
import { runJobs } from '../../test/run-jobs.ts'
import { patch, TUS, TusClient } from '../../test/tus-client.ts'
import { keptBytes } from '../../test/upload.harness.ts'
import type { FileRecord } from '../core/files/file.ts'
import { readBytes } from '../core/files/read-bytes.ts'
import { readLink } from '../core/links/link-token.ts'
import type { Segment } from '../core/ports/changes.ts'
import type { Services } from '../core/services.ts'
import { firstPiece, joinSegments } from '../core/upkeep/join-segments.ts'
import { MANY_SEGMENTS, MAX_SEGMENTS } from '../core/uploads/append-upload.ts'

const KIB = 1024
const MIB = 1024 * KIB

interface Upload {
  readonly link: string
  readonly content: Buffer
  readonly file: () => Promise<FileRecord>
  readonly segments: () => Promise<readonly Segment[]>
}

/** An upload of `totalBytes` of which these pieces have come. */
async function upload(server: TestServer, pieces: readonly number[], totalBytes?: number): Promise<Upload> {
  const came = pieces.reduce((sum, size) => sum + size, 0)
  const content = randomBytes(totalBytes ?? came)
  const link = await new TusClient(server).created(content.byteLength)
  let offset = 0
  for (const size of pieces) {
    assert.equal((await patch(link, offset, content.subarray(offset, offset + size))).status, 204)
    offset += size
  }
  const { fileId } = readLink(linkToken(link)) ?? assert.fail('no link')
  const { metadata } = server.app.services
  return {
    link,
    content,
    file: async () => (await metadata.findFile(fileId)) ?? assert.fail('no file'),
    segments: () => metadata.listSegments(fileId, 0, 100),
  }
}

const sizesOf = (segments: readonly Segment[]) => segments.map(({ sizeBytes }) => sizeBytes)

async function requireContent(server: TestServer, { content, file }: Upload): Promise<void> {
  const { id, sha256 } = await file()
  assert.equal(sha256, hash('sha256', content))
  const response = await fetch(await new LightfieldClient(server).link(id), {
    headers: { range: 'bytes=5-' },
  })
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(content.subarray(5)))
}

async function deleted(server: TestServer, { file }: Upload): Promise<void> {
  assert.equal((await new LlamaCloudClient(server).delete((await file()).id)).status, 204)
  assert.equal((await file()).state, 'deleted')
}

/** Services whose next body is stored once `meanwhile` has happened. */
function delaying(services: Services, meanwhile: () => Promise<unknown>): Services {
  const blobs = new Proxy(services.blobs, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        const result = await value.apply(target, args)
        if (name === 'put') await meanwhile()
        return result
      }
    },
  })
  return { ...services, blobs }
}

describe('where the database holds no bytes', () => {
  let server: TestServer
  before(async () => {
    server = await TestServer.start({ ENTREPOT_INLINE_BYTES: '0' })
  })
  after(() => server.stop())

  test('a file that came in small pieces becomes one blob, and its pieces stay for the grace of downloads', async () => {
    const before = await keptBytes(server)
    const came = await upload(server, [2 * KIB, 3 * KIB, 4 * KIB])
    const old = await came.segments()
    const reading = readBytes(server.app.services, await came.file())
    const read = [Buffer.from((await reading.next()).value ?? [])]
    await runJobs(server)
    const { layout, segmentCount, joinDue, blobKey } = await came.file()
    assert.deepEqual([layout, segmentCount, joinDue], ['blob', 0, false])
    assert.deepEqual(await came.segments(), [])
    await requireContent(server, came)
    const kept = [...old.map((segment) => segment.blobKey), blobKey]
    assert.deepEqual(await keptBytes(server), [...before, ...kept].sort())
    server.clock.advance({ hours: 25 })
    await runJobs(server)
    // On S3 bytes that may come late are removed twice.
    assert.deepEqual(await keptBytes(server), [...before, blobKey].sort())
    for await (const chunk of reading) read.push(Buffer.from(chunk))
    assert.ok(Buffer.concat(read).equals(came.content))
    await deleted(server, came)
    server.clock.advance({ hours: 25 })
    await runJobs(server)
    assert.deepEqual(await keptBytes(server), before)
  })

  test('only small neighbours are joined', async () => {
    const pieces = [1.5 * MIB, KIB, KIB, 2 * MIB, 2 * MIB, KIB]
    const came = await upload(server, pieces)
    await runJobs(server)
    assert.deepEqual(sizesOf(await came.segments()), [1.5 * MIB, 2 * KIB, 2 * MIB, 2 * MIB, KIB])
    const { layout, segmentCount, joinDue } = await came.file()
    assert.deepEqual([layout, segmentCount, joinDue], ['segments', 5, false])
    await requireContent(server, came)
  })

  test('an upload goes on while its pieces are joined', async () => {
    const came = await upload(server, [KIB, KIB, KIB], 6 * KIB)
    const { services } = server.app
    const more = (offset: number) => patch(came.link, offset, came.content.subarray(offset, offset + KIB))
    await joinSegments(delaying(services, () => more(3 * KIB)))
    assert.deepEqual(sizesOf(await came.segments()), [3 * KIB, KIB])
    const { segmentCount, joinDue, blobSizeBytes, state } = await came.file()
    assert.deepEqual([segmentCount, joinDue, blobSizeBytes, state], [2, true, 4 * KIB, 'pending'])
    await joinSegments(services)
    await joinSegments(services)
    assert.deepEqual(sizesOf(await came.segments()), [4 * KIB])
    assert.equal((await came.file()).joinDue, false)
    await more(4 * KIB)
    await more(5 * KIB)
    await runJobs(server)
    assert.equal((await came.file()).layout, 'blob')
    await requireContent(server, came)
  })

  test('whoever ends or replaces an upload, or joins it, before a join does keeps what was done', async () => {
    const { services } = server.app
    server.clock.advance({ hours: 25 })
    await runJobs(server)
    const left = await keptBytes(server)
    const cancelled = await upload(server, [KIB, KIB], 3 * KIB)
    await joinSegments(delaying(services, () => exchange('DELETE', cancelled.link, undefined, TUS)))
    assert.equal((await cancelled.file()).state, 'cancelled')
    assert.deepEqual(await cancelled.segments(), [])
    const put = await upload(server, [KIB, KIB], 3 * KIB)
    await joinSegments(delaying(services, () => exchange('PUT', put.link, put.content)))
    assert.equal((await put.file()).layout, 'blob')
    await requireContent(server, put)
    const twice = await upload(server, [KIB, KIB])
    await joinSegments(delaying(services, () => joinSegments(services)))
    await requireContent(server, twice)
    const gone = await upload(server, [KIB, KIB])
    await joinSegments(delaying(services, () => deleted(server, gone)))
    assert.deepEqual(await gone.segments(), [])
    server.clock.advance({ hours: 25 })
    await runJobs(server)
    const kept = [await put.file(), await twice.file()].map(({ blobKey }) => blobKey)
    assert.deepEqual(await keptBytes(server), [...left, ...kept].sort())
  })

  test('damaged pieces stay as they are', {
    skip: process.env.ENTREPOT_TEST_BLOBS && 'bytes on the disk',
  }, async () => {
    const came = await upload(server, [KIB, KIB])
    const segments = await came.segments()
    const key = segments[1]?.blobKey ?? ''
    await writeFile(join(server.dataDir, 'blobs', key.slice(0, 2), key), Buffer.alloc(KIB))
    await runJobs(server)
    assert.deepEqual(await came.segments(), segments)
    assert.equal((await came.file()).joinDue, false)
  })
})

describe('where the database holds small bytes', () => {
  let server: TestServer
  before(async () => {
    server = await TestServer.start({ ENTREPOT_INLINE_BYTES: '8192' })
  })
  after(() => server.stop())

  test('pieces that are small together are one piece of the database', async () => {
    const came = await upload(server, [KIB, 2 * KIB, 3 * KIB])
    const stored = await came.file()
    const reading = readBytes(server.app.services, stored)
    const read = [Buffer.from((await reading.next()).value ?? [])]
    await runJobs(server)
    for await (const chunk of reading) read.push(Buffer.from(chunk))
    assert.ok(Buffer.concat(read).equals(came.content))
    assert.deepEqual(await came.file(), { ...stored, layout: 'inline', segmentCount: 1, joinDue: false })
    const { staging, blobs, inline } = await keptBodies(server)
    assert.deepEqual([staging, blobs, inline], [[], [], [stored.id]])
    await requireContent(server, came)
  })

  test('pieces that are too large together become a blob, of which a download goes on', async () => {
    const came = await upload(server, [4 * KIB, 4 * KIB, 4 * KIB])
    const reading = readBytes(server.app.services, await came.file())
    const read = [Buffer.from((await reading.next()).value ?? [])]
    await runJobs(server)
    assert.equal((await came.file()).layout, 'blob')
    for await (const chunk of reading) read.push(Buffer.from(chunk))
    assert.ok(Buffer.concat(read).equals(came.content))
    await requireContent(server, came)
  })
})

/** Segments of these sizes, one behind the other. */
function segmentsOf(sizes: readonly number[]): Segment[] {
  let start = 0
  return sizes.map((sizeBytes) => {
    start += sizeBytes
    return { start: start - sizeBytes, sizeBytes, sha256: '', blobKey: null }
  })
}

test('a piece is as large as a blob may get, and no longer than a commit', () => {
  const small = segmentsOf(Array(1200).fill(1023 * KIB))
  assert.equal(firstPiece(small).length, 64)
  assert.equal(firstPiece(segmentsOf(Array(1200).fill(1))).length, 200)
  assert.deepEqual(firstPiece(segmentsOf([MIB, 1, MIB, 1])), [])
  assert.deepEqual(firstPiece([]), [])
})

test('an upload of the most segments gets fewer, however large they are', () => {
  for (const sizeBytes of [MIB, 20 * MIB, 600 * MIB])
    assert.ok(firstPiece(segmentsOf(Array(MAX_SEGMENTS).fill(sizeBytes))).length > 2)
  assert.deepEqual(firstPiece(segmentsOf(Array(MANY_SEGMENTS - 1).fill(MIB))), [])
})

import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { readLink } from '../src/core/links/link-token.ts'
import type { Change, NewSegment, Segment } from '../src/core/ports/changes.ts'
import { verifyBytes } from '../src/core/upkeep/verify-bytes.ts'
import { entrepot, type Settings } from './cli.harness.ts'
import { TestServer } from './harness.ts'
import { linkToken } from './link-token.ts'
import { LlamaCloudClient } from './llamacloud-client.ts'
import { runJobs } from './run-jobs.ts'
import { s3Settings } from './s3/settings.ts'
import { patch, TusClient } from './tus-client.ts'

const KIB = 1024
const terms = { collectAfter: 0, mayComeLate: false }

async function start(t: TestContext) {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const { metadata } = server.app.services
  const s3 = server.s3 ? s3Settings(server.s3) : {}
  const database = server.databaseUrl ? { ENTREPOT_DATABASE_URL: server.databaseUrl } : {}
  const places = { ENTREPOT_DATA_DIR: server.dataDir, ...s3, ...database }

  /** A file that came in pieces of these sizes, or an upload of which they have come. */
  async function pieces(sizes: readonly number[], wholeBytes = sizes.reduce((a, b) => a + b)) {
    const link = await new TusClient(server).created(wholeBytes)
    let offset = 0
    for (const size of sizes) {
      assert.equal((await patch(link, offset, randomBytes(size))).status, 204)
      offset += size
    }
    const { fileId } = readLink(linkToken(link)) ?? assert.fail('no link')
    return { fileId, segments: await metadata.listSegments(fileId, 0, 100) }
  }

  return {
    server,
    metadata,
    pieces,
    async inline(content: string) {
      const fileId = (await new LlamaCloudClient(server).stored(content)).id.slice('dfl-'.length)
      return { fileId, segments: await metadata.listSegments(fileId, 0, 9) }
    },
    async doctor(...args: string[]) {
      const { status, stdout } = await entrepot(['doctor', '--json', ...args], places as Settings)
      return { status, report: JSON.parse(stdout) }
    },
    release(fileId: string, segment: Segment): Change {
      return { kind: 'segment.release', fileId, segment, blob: terms }
    },
  }
}

test('doctor counts files in the database and in pieces, and finds nothing wrong with them', async (t) => {
  const { pieces, inline, doctor, server } = await start(t)
  await inline('small')
  await new LlamaCloudClient(server).stored(randomBytes(100 * KIB))
  await pieces([70 * KIB, KIB, 80 * KIB])
  await pieces([KIB, 70 * KIB], 300 * KIB)
  const bytes = 5 + (100 + 151 + 71) * KIB
  const { status, report } = await doctor('--verify')
  assert.equal(status, 0, JSON.stringify(report))
  const { files, blobs, transient, orphans, damaged, verified } = report
  assert.deepEqual(
    { files, bytes: report.bytes, blobs, transient },
    { files: 4, bytes, blobs: 4, transient: 0 },
  )
  assert.deepEqual(
    { orphans, damaged, verified },
    { orphans: [], damaged: [], verified: { files: 4, bytes } },
  )
})

test('doctor finds segments that are not there, or have other bytes, and tells of the file', async (t) => {
  const { server, metadata, pieces, inline, doctor, release } = await start(t)
  const [lost, flipped, wrongWhole] = [
    await pieces([70 * KIB, 2 * KIB, KIB]),
    await inline('as it was'),
    await pieces([2 * KIB, KIB]),
  ]
  const [, second] = lost.segments as [Segment, Segment, Segment]
  const [own] = flipped.segments as [Segment]
  const other: NewSegment = { ...own, bytes: Buffer.from('as it is!') }
  const [first] = wrongWhole.segments as [Segment, Segment]
  const replaced = Buffer.alloc(first.sizeBytes, 'x')
  const fitting: NewSegment = { ...first, sha256: hash('sha256', replaced), bytes: replaced }
  const joinDue = (id: string): Change => {
    return { kind: 'file.update', id, guard: { state: 'stored' }, patch: { joinDue: false } }
  }
  await metadata.commit([
    ...[lost, wrongWhole].map(({ fileId }) => joinDue(fileId)),
    release(lost.fileId, second),
    release(flipped.fileId, own),
    { kind: 'segment.insert', fileId: flipped.fileId, segment: other },
    release(wrongWhole.fileId, first),
    { kind: 'segment.insert', fileId: wrongWhole.fileId, segment: fitting },
  ])
  const compared = await doctor()
  assert.equal(compared.status, 1)
  const reasons = (report: { damaged: { fileId: string; reason: string; blobPath: string | null }[] }) =>
    Object.fromEntries(report.damaged.map(({ fileId, reason }) => [fileId, reason]))
  assert.deepEqual(reasons(compared.report), { [lost.fileId]: 'segments missing' })
  const verified = await doctor('--verify')
  assert.deepEqual(reasons(verified.report), {
    [lost.fileId]: 'wrong size',
    [flipped.fileId]: 'wrong SHA-256',
    [wrongWhole.fileId]: 'wrong SHA-256',
  })
  const { stdout, status } = await entrepot(['doctor', '--verify'], { ENTREPOT_DATA_DIR: server.dataDir })
  if (server.databaseUrl === undefined && server.s3 === undefined) {
    assert.equal(status, 1)
    assert.match(stdout, /^Damaged files +3$/m)
    assert.match(stdout, /wrong SHA-256\n +in the database, or in several blobs\n +expected 9 bytes/)
  }
})

test('doctor finds a blob of a segment that is gone, and counts one that was joined meanwhile as sound', async (t) => {
  const { server, metadata, pieces, doctor } = await start(t)
  const came = await pieces([70 * KIB, 80 * KIB])
  const { services } = server.app
  // Joined between the listing of the file's segments and the reading of the first.
  const { blobs } = services
  const joining = Object.create(blobs, {
    open: {
      value: async (...args: Parameters<typeof blobs.open>) => {
        await runJobs(server)
        server.clock.advance({ hours: 25 })
        await runJobs(server)
        return blobs.open(...args)
      },
    },
  })
  assert.deepEqual((await verifyBytes({ metadata, blobs: joining }, async () => {})).damaged, [])
  const whole = await metadata.findFile(came.fileId)
  assert.equal(whole?.layout, 'blob')
  const left = await pieces([70 * KIB, 2000 * KIB])
  const key = left.segments[1]?.blobKey ?? ''
  await blobs.delete(key)
  const { report } = await doctor()
  assert.deepEqual(
    report.damaged.map(({ fileId, blobKey, reason }: Record<string, unknown>) => [fileId, blobKey, reason]),
    [[left.fileId, key, 'bytes missing']],
  )
})

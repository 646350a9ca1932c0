import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type IncomingMessage, request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { ROOT_KEY, ServerProcess, whyNotMeasured } from '../../../test/faults/server-process.ts'
import { BOUNDARY, FILES, filePart, formOf, purposePart } from '../../../test/llamacloud-client.ts'
import { newFolder } from '../../../test/new-folder.ts'
import { isLong } from '../../../test/rounds.ts'

const MIB = 1024 * 1024
const CHUNK_BYTES = 256 * 1024
const MAX_GROWTH_BYTES = 100 * MIB
/** To hold them whole would take 256 MiB or more. */
const usual = `16x${isLong ? 64 : 16}`
/** How many uploads of how many MiB; `LARGE_FORMS=50x256` is the whole promise and takes 13 GB of disk. */
const [COUNT = 0, SIZE_MIB = 0] = (process.env.LARGE_FORMS ?? usual).split('x').map(Number)
const skip = whyNotMeasured()

/** No two chunks of a file alike. */
const pattern = Buffer.alloc(CHUNK_BYTES)
for (let i = 0; i < pattern.length; i += 4) pattern.writeUInt32LE(Math.imul(i + 1, 0x9e3779b1) >>> 0, i)

function* contentOf(index: number, sizeBytes: number): Generator<Buffer> {
  for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
    const chunk = Buffer.from(pattern)
    chunk.writeUInt32LE(at + index, 0)
    yield chunk
  }
}

/** A form with the file between two fields, as a browser sends it. */
function* formWith(index: number, sizeBytes: number): Generator<Buffer> {
  const around = formOf([purposePart('user_data'), filePart('*', `large-${index}.bin`), purposePart()])
  const at = around.indexOf('*')
  yield around.subarray(0, at)
  yield* contentOf(index, sizeBytes)
  yield around.subarray(at + 1)
}

async function upload(url: string, index: number, sizeBytes: number): Promise<{ url: string }> {
  const headers = {
    authorization: `Bearer ${ROOT_KEY}`,
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
    'content-length': sizeBytes + [...formWith(index, 0)].reduce((sum, { length }) => sum + length, 0),
  }
  const outgoing = request(url + FILES, { method: 'POST', headers, agent: false })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject)
  })
  await pipeline(Readable.from(formWith(index, sizeBytes), { highWaterMark: 1 }), outgoing)
  const answer = await answered
  const text = Buffer.concat(await answer.toArray()).toString()
  assert.equal(answer.statusCode, 201, text)
  return JSON.parse(text).download_url
}

async function uploadAll(url: string, count: number, sizeBytes: number): Promise<{ url: string }[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => upload(url, index, sizeBytes)))
}

async function digestOf(url: string): Promise<string> {
  const sha256 = createHash('sha256')
  const answer = await fetch(url)
  for await (const chunk of answer.body ?? []) sha256.update(chunk)
  return sha256.digest('hex')
}

function digestOfContent(index: number, sizeBytes: number): string {
  const sha256 = createHash('sha256')
  for (const chunk of contentOf(index, sizeBytes)) sha256.update(chunk)
  return sha256.digest('hex')
}

test(`${COUNT} forms of ${SIZE_MIB} MiB at once cost no more memory than a few chunks each`, {
  skip,
}, async (t) => {
  const dataDir = newFolder('entrepot-forms-')
  const server = await ServerProcess.start({ dataDir })
  t.after(() => server.end('SIGKILL'))
  const idle = server.memoryBytes('VmRSS')
  // Workers, compiled code and buffers that stay: what such uploads cost once.
  await uploadAll(server.url, COUNT, MIB)

  server.forgetPeakMemory()
  const before = server.memoryBytes('VmRSS')
  const start = performance.now()
  const links = await uploadAll(server.url, COUNT, SIZE_MIB * MIB)
  const seconds = (performance.now() - start) / 1000
  const growth = server.memoryBytes('VmHWM') - before
  const rate = (COUNT * SIZE_MIB) / seconds
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`
  t.diagnostic(
    `resident: ${mib(idle)} idle, ${mib(before)} warm, at most ${mib(growth)} more; ${rate.toFixed(0)} MiB/s`,
  )
  for (const index of [0, COUNT - 1])
    assert.equal(await digestOf(links[index]?.url ?? ''), digestOfContent(index, SIZE_MIB * MIB))
  assert.ok(growth < MAX_GROWTH_BYTES, `grew by ${(growth / MIB).toFixed(0)} MiB`)
})

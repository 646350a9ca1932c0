import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { type IncomingMessage, request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { ROOT_KEY, ServerProcess, whyNotMeasured } from '../../../test/faults/server-process.ts'
import { newFolder } from '../../../test/new-folder.ts'
import { isLong } from '../../../test/rounds.ts'
import { YANDEX_FILES } from '../../../test/yandex-rest.ts'

const MIB = 1024 * 1024
/** Whole groups of base64, so that pieces can be encoded one by one. */
const CHUNK_BYTES = 192 * 1024
const MAX_GROWTH_BYTES = 64 * MIB
const LARGEST_CHUNKS = Math.floor((128 * MIB) / CHUNK_BYTES)
/** Of all uploads at once. */
const MAX_TOGETHER_BYTES = 100 * MIB
const ATTEMPTS = 3
/** To hold them whole would take 192 MiB or more. */
const usual = `16x${isLong ? 24 : 12}`
/** How many uploads at once of how many MiB; `LARGE_JSON=16x126` is the whole promise. */
const [COUNT = 0, SIZE_MIB = 0] = (process.env.LARGE_JSON ?? usual).split('x').map(Number)
const skip = whyNotMeasured()

const pattern = randomBytes(CHUNK_BYTES)

/** No two chunks of a file alike, nor two files. */
function* contentOf(index: number, chunks: number): Generator<Buffer> {
  for (let at = 0; at < chunks; at++) {
    pattern.writeUInt32LE(at, 0)
    pattern.writeUInt32LE(index, 4)
    yield pattern
  }
}

function* jsonWith(index: number, chunks: number): Generator<Buffer> {
  yield Buffer.from('{"folderId":"default","content":"')
  for (const chunk of contentOf(index, chunks)) yield Buffer.from(chunk.toString('base64'))
  yield Buffer.from(`","name":"large-${index}.bin"}`)
}

async function upload(url: string, index: number, chunks: number): Promise<{ status: number; id: string }> {
  const headers = { authorization: `Api-Key ${ROOT_KEY}` }
  const outgoing = request(url + YANDEX_FILES, { method: 'POST', headers, agent: false })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject)
  })
  await pipeline(Readable.from(jsonWith(index, chunks), { highWaterMark: 1 }), outgoing)
  const answer = await answered
  const body = JSON.parse(Buffer.concat(await answer.toArray()).toString())
  return { status: answer.statusCode ?? 0, id: body.id }
}

async function digestOf(url: string, id: string): Promise<string> {
  const headers = { authorization: `Api-Key ${ROOT_KEY}` }
  const link = await fetch(`${url}${YANDEX_FILES}:getUrl?fileId=${id}`, { headers })
  const sha256 = createHash('sha256')
  const answer = await fetch(((await link.json()) as { url: string }).url)
  for await (const chunk of answer.body ?? []) sha256.update(chunk)
  return sha256.digest('hex')
}

function digestOfContent(index: number, chunks: number): string {
  const sha256 = createHash('sha256')
  for (const chunk of contentOf(index, chunks)) sha256.update(chunk)
  return sha256.digest('hex')
}

test('base64 JSON costs no memory: not one of the largest size, nor many at once', { skip }, async (t) => {
  const dataDir = newFolder('entrepot-json-')
  const server = await ServerProcess.start({ dataDir, settings: { ENTREPOT_GRPC_PORT: 'off' } })
  t.after(() => server.end('SIGKILL'))
  const { url } = server
  const uploadAll = (chunks: number) =>
    Promise.all(Array.from({ length: COUNT }, (_, index) => upload(url, index, chunks)))
  // Workers, compiled code and buffers that stay: what such uploads cost once.
  await uploadAll(8)
  await digestOf(url, (await upload(url, COUNT, LARGEST_CHUNKS)).id)

  const measure = async (what: string, sizeMib: number, work: () => Promise<unknown>) => {
    server.forgetPeakMemory()
    const before = server.memoryBytes('VmRSS')
    const start = performance.now()
    await work()
    const rate = (sizeMib * MIB) / 1e3 / (performance.now() - start)
    const growth = server.memoryBytes('VmHWM') - before
    t.diagnostic(`${what}: at most ${(growth / MIB).toFixed(0)} MiB more, ${rate.toFixed(0)} MB/s`)
    return growth
  }
  /** On a busy machine garbage may be collected late: what is needed is what the least of some attempts takes. */
  const assertGrowth = async (maxBytes: number, ...measured: Parameters<typeof measure>) => {
    let growth = Number.POSITIVE_INFINITY
    for (let attempt = 0; attempt < ATTEMPTS && growth >= maxBytes; attempt++)
      growth = Math.min(growth, await measure(...measured))
    assert.ok(growth < maxBytes, `grew by ${(growth / MIB).toFixed(0)} MiB`)
  }

  await assertGrowth(MAX_GROWTH_BYTES, '128 MiB alone', 128, async () => {
    const { status, id } = await upload(url, COUNT, LARGEST_CHUNKS)
    assert.equal(status, 200)
    assert.equal(await digestOf(url, id), digestOfContent(COUNT, LARGEST_CHUNKS))
  })

  const chunks = Math.floor((SIZE_MIB * MIB) / CHUNK_BYTES)
  await assertGrowth(MAX_TOGETHER_BYTES, `${COUNT} of ${SIZE_MIB} MiB`, COUNT * SIZE_MIB, async () => {
    const answers = await uploadAll(chunks)
    assert.ok(answers.every(({ status }) => status === 200))
    const last = answers[COUNT - 1]?.id ?? ''
    assert.equal(await digestOf(url, last), digestOfContent(COUNT - 1, chunks))
  })
})

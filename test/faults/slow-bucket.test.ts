import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { exchange } from '../lightfield-client.ts'
import { BOUNDARY, FILES, filePart, formOf, purposePart } from '../llamacloud-client.ts'
import { rounds } from '../rounds.ts'
import { S3TestServer } from '../s3/server.ts'
import { s3Settings } from '../s3/settings.ts'
import { ROOT_KEY, ServerProcess, whyNotMeasured } from './server-process.ts'

const MIB = 1024 * 1024
const UPLOADS = 12
const FILE_BYTES = 33 * MIB
/** Of each part: long enough for all uploads to have two parts under way. */
const DELAY_MS = 1_000
/** Uploads that each held two parts would take 384 MiB. */
const MAX_GROWTH_BYTES = 256 * MIB
const LONG = rounds({ short: 0, long: 1 })
const skip = whyNotMeasured() || (LONG === 0 && 'only under npm run test:all')

test('many uploads to a slow bucket are all stored, in bounded memory', { skip }, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'entrepot-slow-bucket-'))
  const s3 = await S3TestServer.start()
  const settings = { ...s3Settings(s3), ENTREPOT_GRPC_PORT: 'off', ENTREPOT_MEMORY_BYTES: String(64 * MIB) }
  const server = await ServerProcess.start({ dataDir, settings: settings as Record<string, string> })
  t.after(async () => {
    await server.end('SIGKILL')
    await s3.stop()
    await rm(dataDir, { recursive: true, force: true })
  })
  const headers = {
    authorization: `Bearer ${ROOT_KEY}`,
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
  }
  const upload = (bytes: number) => {
    const form = formOf([purposePart('user_data'), filePart(Buffer.alloc(bytes))])
    return exchange('POST', server.url + FILES, form, headers)
  }
  assert.equal((await upload(MIB)).status, 201)
  s3.break({ operation: 'UploadPart', times: 1_000, effect: { delayMs: DELAY_MS } })
  server.forgetPeakMemory()
  const before = server.memoryBytes('VmRSS')
  const answers = await Promise.all(Array.from({ length: UPLOADS }, () => upload(FILE_BYTES)))
  const growth = server.memoryBytes('VmHWM') - before
  t.diagnostic(`at most ${(growth / MIB).toFixed(0)} MiB more`)
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201])
  assert.ok(growth < MAX_GROWTH_BYTES, `grew by ${growth / MIB} MiB`)
})

import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { ROOT_KEY, ServerProcess, whyNotMeasured } from '../../../test/faults/server-process.ts'
import { BOUNDARY, FILES, filePart, formOf, purposePart } from '../../../test/llamacloud-client.ts'
import { newFolder } from '../../../test/new-folder.ts'
import { RawConnection } from '../../../test/raw-http.ts'
import { rounds } from '../../../test/rounds.ts'
import { startApp } from '../../app/app.ts'
import { loadConfig } from '../../app/settings.ts'
import { collectBlobs } from '../../core/upkeep/collect-blobs.ts'

const ABORTS = rounds({ short: 200, long: 10_000 })
const AT_ONCE = 50
/** Aborts after which memory has about found its size: compiled code, pools, the heap's own. */
const WARM_UP = Math.floor(ABORTS * 0.4)
/** The heap breathes; to keep what the others brought would take 180 MiB. Fewer aborts tell nothing: the heap still grows. */
const ENOUGH_ABORTS = 10_000
const MAX_GROWTH_BYTES = 80 * 1024 * 1024
const skip = whyNotMeasured()

/** Of a body for the database, and of one for a blob. */
const forms = [60_000, 300_000].map((sizeBytes) => formOf([purposePart(), filePart('x'.repeat(sizeBytes))]))

function headOf(form: Buffer): string {
  return [
    `POST ${FILES} HTTP/1.1`,
    'Host: x',
    `Authorization: Bearer ${ROOT_KEY}`,
    `Content-Type: multipart/form-data; boundary=${BOUNDARY}`,
    `Content-Length: ${form.length}`,
    '\r\n',
  ].join('\r\n')
}

/** Breaks off somewhere in the form, at once or while the server is at work on it. */
async function abort(url: string, count: number): Promise<void> {
  const connection = await RawConnection.open(url)
  const form = forms[(count >> 1) % 2] ?? assert.fail()
  connection.write(headOf(form))
  connection.write(form.subarray(0, (count * 7919) % form.length))
  if (count % 2 === 0) await delay(count % 7)
  connection.reset()
}

async function abortMany(url: string, count: number): Promise<void> {
  for (let done = 0; done < count; done += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => abort(url, done + index)))
}

test(`${ABORTS} uploads that break off leave no descriptor, no byte and, if they are many, no memory`, {
  skip,
}, async (t) => {
  const dataDir = newFolder('entrepot-aborts-')
  const server = await ServerProcess.start({ dataDir })
  t.after(() => server.end('SIGKILL'))
  await abortMany(server.url, WARM_UP)
  await settled(server, dataDir)
  const descriptors = server.countDescriptors()
  const memory = server.memoryBytes('VmRSS')
  await abortMany(server.url, ABORTS - WARM_UP)
  await settled(server, dataDir)
  const growth = server.memoryBytes('VmRSS') - memory
  t.diagnostic(`${descriptors} descriptors, ${(growth / 1024 / 1024).toFixed(1)} MiB of growth`)
  assert.ok(server.countDescriptors() <= descriptors + 5, `${server.countDescriptors()} descriptors`)
  assert.ok(ABORTS < ENOUGH_ABORTS || growth < MAX_GROWTH_BYTES, `grew by ${growth} bytes`)
  await server.end('SIGTERM')
  await assertEmpty(dataDir)
})

/** Once all that may go has gone: no byte of a file, and no room taken. */
async function assertEmpty(dataDir: string): Promise<void> {
  const settings = { ENTREPOT_PORT: '0', ENTREPOT_METRICS_PORT: 'off', ENTREPOT_GRPC_PORT: 'off' }
  const config = loadConfig({ ENTREPOT_DATA_DIR: dataDir, ENTREPOT_ROOT_KEY: ROOT_KEY, ...settings })
  const app = await startApp(config, { logger: pino({ level: 'silent' }) })
  try {
    const { services } = app
    while ((await collectBlobs(services)) > 0);
    assert.deepEqual(await Array.fromAsync(services.blobs.list()), [])
    const organization = await services.metadata.findOrganization('default')
    const usage = await services.metadata.usage('organization', organization?.id ?? '')
    assert.deepEqual(usage, { files: 0, bytes: 0 })
  } finally {
    await app.stop()
  }
}

/** All connections are closed and nothing is being written. Waits, at most 20 s, for what happens soon. */
async function settled(server: ServerProcess, dataDir: string): Promise<void> {
  for (const start = Date.now(); ; await delay(50)) {
    const before = server.countDescriptors()
    await delay(100)
    const isStill = server.countDescriptors() === before
    if (isStill && (await readdir(join(dataDir, 'staging'))).length === 0) return
    if (Date.now() - start > 20_000) throw new Error('the server does not come to rest')
  }
}

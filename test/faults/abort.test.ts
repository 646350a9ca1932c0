import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { rounds } from '../rounds.ts'
import { SeededRandom } from '../seeded-random.ts'
import { until } from '../until.ts'
import { ApiClient, type CreatedBody } from './api-client.ts'
import { checkStores } from './check-stores.ts'
import { Ledger } from './ledger.ts'
import { putFile } from './put-file.ts'
import { ServerProcess } from './server-process.ts'

const ABORTS = rounds({ short: 50, long: 200 })
const AT_ONCE = 10
const SIZE_BYTES = 1_000_000
const PATIENCE_MS = 5_000
const skip = process.platform === 'linux' ? false : 'counts the descriptors of a process in /proc'

for (const [name, hangUp] of [
  ['FIN', (socket: Socket) => socket.destroy()],
  ['RST', (socket: Socket) => socket.resetAndDestroy()],
] as const) {
  test(`${ABORTS} uploads cut off by a ${name} leave nothing behind`, { skip }, async (t) => {
    const { server, client, dataDir, ledger } = await start(t)
    const random = new SeededRandom(ABORTS)
    const abortMany = () => {
      const cuts = Array.from({ length: AT_ONCE }, () => random.between(0, SIZE_BYTES - 1))
      return Promise.all(cuts.map((cutAfter) => abortUpload(server.url, client, cutAfter, hangUp)))
    }
    // Before counting, so that the connections that our own client keeps are there already.
    await abortMany()
    const isTidy = () => stagingOf(dataDir).length === 0
    assert.ok(await until(PATIENCE_MS, isTidy), 'the first aborts stay')
    const baseline = server.countDescriptors()
    for (let done = 0; done < ABORTS; done += AT_ONCE) await abortMany()
    const areClosed = () => server.countDescriptors() <= baseline + 5
    assert.ok(
      await until(PATIENCE_MS, areClosed),
      `${server.countDescriptors()} descriptors, ${baseline} before`,
    )
    assert.ok(await until(PATIENCE_MS, isTidy), `${stagingOf(dataDir).length} files in staging`)
    await putFile(client, ledger, 'after.bin', SIZE_BYTES)
    assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null })
    assert.deepEqual(await checkStores(dataDir), [])
  })
}

function stagingOf(dataDir: string): readonly string[] {
  return readdirSync(join(dataDir, 'staging'))
}

async function start(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-abort-'))
  const dataDir = await mkdtemp(join(folder, 'data-'))
  const ledger = await Ledger.open(join(folder, 'ledger'))
  const server = await ServerProcess.start({ dataDir })
  t.after(async () => {
    await server.end('SIGKILL')
    await ledger.close()
    await rm(folder, { recursive: true, force: true })
  })
  const client = new ApiClient(server.url)
  // The baseline has what a first upload opens for good: workers, the database's log, a kept connection.
  await putFile(client, ledger, 'before.bin', SIZE_BYTES)
  return { server, client, dataDir, ledger }
}

/** Sends the head and `cutAfter` bytes of a body, waits for them to be on their way, and hangs up. */
async function abortUpload(
  url: string,
  client: ApiClient,
  cutAfter: number,
  hangUp: (socket: Socket) => void,
) {
  const file = { filename: 'cut.bin', mimeType: 'text/plain', sizeBytes: SIZE_BYTES }
  const { uploadUrl } = JSON.parse((await client.create(file)).text) as CreatedBody
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  // The server may hang up first, when it sees that the end will not come.
  socket.on('error', () => undefined)
  const head = `PUT ${new URL(uploadUrl).pathname} HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: ${SIZE_BYTES}\r\n\r\n`
  await new Promise((resolve) =>
    socket.write(Buffer.concat([Buffer.from(head), Buffer.alloc(cutAfter)]), resolve),
  )
  const closed = new Promise((resolve) => socket.once('close', resolve))
  hangUp(socket)
  await closed
}

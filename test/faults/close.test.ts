import assert from 'node:assert/strict'
import { once } from 'node:events'
import { promises } from 'node:fs'
import { createServer } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { startApp } from '../../src/app/app.ts'
import { type AppConfig, loadConfig } from '../../src/app/settings.ts'
import { newDataDir } from '../cli.harness.ts'
import { TestServer } from '../harness.ts'
import { LightfieldClient, ok, putBytes } from '../lightfield-client.ts'
import { keptBytes } from '../upload.harness.ts'

const skip = process.env.ENTREPOT_TEST_STORES === undefined ? false : 'only on SQLite and a disk'
const { open, writeFile } = promises
const eio = () => Object.assign(new Error('EIO: i/o error, close'), { code: 'EIO', syscall: 'close' })

/** Every file that is opened by promises from now on closes and says that it could not, until the function is called. */
function failEveryClose(t: TestContext): () => void {
  const opening = t.mock.method(promises, 'open', async (...args: Parameters<typeof promises.open>) => {
    const file = await open(...args)
    const close = file.close.bind(file)
    file.close = async () => {
      await close()
      throw eio()
    }
    return file
  })
  const writing = t.mock.method(promises, 'writeFile', async (...args: Parameters<typeof writeFile>) => {
    await writeFile(...args)
    throw eio()
  })
  syncBuiltinESMExports()
  return () => {
    opening.mock.restore()
    writing.mock.restore()
    syncBuiltinESMExports()
  }
}

test('a file that cannot be closed fails the upload that wrote it, and nothing else', { skip }, async (t) => {
  const server = await TestServer.start({ ENTREPOT_INLINE_BYTES: '0' })
  t.after(() => server.stop())
  const client = new LightfieldClient(server)
  const download = await client.link((await client.stored()).id)
  const waiting = await client.pending()
  const before = await keptBytes(server)

  const restore = failEveryClose(t)
  assert.equal((await putBytes(waiting)).status, 503)
  assert.notEqual((await client.complete(waiting.id)).status, 200)
  assert.equal((await fetch(`${server.url}/readyz`)).status, 503)
  for (let n = 0; n < 3; n++) {
    assert.equal((await fetch(download, { method: 'HEAD' })).status, 200)
    assert.equal((await fetch(download)).status, 200)
  }
  assert.deepEqual(await keptBytes(server), before)
  restore()
  assert.equal((await putBytes(waiting)).status, 200)
  assert.equal(ok(await client.complete(waiting.id)).status, 'COMPLETED')
})

test('a stop closes everything, whatever cannot be closed, and tells what that was', { skip }, async (t) => {
  const config = configOn(await newDataDir(t), 0)
  const app = await startApp(config, { logger: pino({ level: 'silent' }) })
  const { metadata } = app.services
  const close = metadata.close.bind(metadata)
  t.mock.method(metadata, 'close', async () => {
    await close()
    throw eio()
  })
  await assert.rejects(app.stop(), ({ message, errors }: AggregateError) => {
    assert.equal(message, 'cannot close the database')
    assert.match(String((errors[0] as Error).cause), /EIO/)
    return true
  })
  // Its lock was released after the database, so the folder is free.
  await (await startApp(config, { logger: pino({ level: 'silent' }) })).stop()
})

test('a start that fails tells why, also if what it had opened cannot be closed', { skip }, async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  const config = configOn(await newDataDir(t), (other.address() as AddressInfo).port)
  const lines: string[] = []
  const logger = pino({ level: 'error' }, { write: (line) => void lines.push(line) })
  const { close } = DatabaseSync.prototype
  t.mock.method(DatabaseSync.prototype, 'close', function (this: DatabaseSync) {
    const isLock = this.location()?.endsWith('lock.db')
    close.call(this)
    if (isLock) throw eio()
  })
  await assert.rejects(startApp(config, { logger }), /is in use by another program/)
  assert.match(lines.join(''), /cannot close the lock of the data folder/)
})

function configOn(dataDir: string, port: number): AppConfig {
  return loadConfig({
    ENTREPOT_DATA_DIR: dataDir,
    ENTREPOT_PORT: String(port),
    ENTREPOT_GRPC_PORT: 'off',
    ENTREPOT_METRICS_PORT: 'off',
  })
}

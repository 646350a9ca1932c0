import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { captureLog } from '../../test/captured-log.ts'
import { LightfieldClient, ok, putBytes } from '../../test/lightfield-client.ts'
import { linkToken } from '../../test/link-token.ts'
import { newFolder } from '../../test/new-folder.ts'
import { YandexClient } from '../../test/yandex-client.ts'
import { startApp } from '../app/app.ts'
import { loadConfig } from '../app/settings.ts'
import type { Environment } from '../config/setting.ts'
import { parseFileId } from '../dialects/all.ts'

const CONTENT = 'what is in the file'
const NAME = 'what-the-file-is-called.txt'
const ROOT_KEY = 'a-root-key-that-nobody-may-see'

/** A server that logs all it can. `text` and `lines` tell what it has logged so far. */
async function startTalking(t: TestContext, given: Environment = {}) {
  const dataDir = newFolder('entrepot-logging-')
  const { logger, text, lines } = captureLog('trace')
  const off = { ENTREPOT_GRPC_PORT: 'off', ENTREPOT_METRICS_PORT: 'off', ...given }
  const settings = { ENTREPOT_DATA_DIR: dataDir, ENTREPOT_PORT: '0', ENTREPOT_ROOT_KEY: ROOT_KEY, ...off }
  const app = await startApp(loadConfig(settings), { logger })
  t.after(() => app.stop())
  return { app, text, lines, client: new LightfieldClient({ url: app.url, key: ROOT_KEY }) }
}

test('a log of everything, faults included, holds no key, no link and no content', async (t) => {
  const { app, text, lines, client } = await startTalking(t)
  const idempotencyKey = 'an-idempotency-key'
  const fields = { filename: NAME, mimeType: 'text/plain', sizeBytes: CONTENT.length }
  const upload = ok(await client.create(fields, { 'idempotency-key': idempotencyKey }))
  assert.equal((await putBytes(upload, CONTENT)).status, 200)
  ok(await client.complete(upload.id))
  const link = await client.link(upload.id)
  const failure = new Error('the fault itself')
  t.mock.method(app.services.metadata, 'findSegmentBytes', async () => {
    throw failure
  })
  const broken = await fetch(link, {
    headers: { cookie: 'session=a-cookie', authorization: 'Bearer another' },
  })
  assert.equal(broken.status, 500)
  await broken.text()
  t.mock.method(app.services.metadata, 'findFile', async () => {
    throw failure
  })
  assert.equal((await client.list('?secret=in-the-query')).status, 200)
  const retrieved = await client.retrieve(upload.id)
  assert.equal(retrieved.status, 500)
  const log = text()
  assert.ok(link.endsWith(`/${NAME}`))
  const secrets = [ROOT_KEY, NAME, linkToken(link), linkToken(upload.uploadUrl), CONTENT, idempotencyKey]
  for (const secret of [...secrets, 'a-cookie', 'Bearer another', 'in-the-query'])
    assert.ok(!log.includes(secret), `the log tells ${secret}`)
  // It is there, and tells what an operator looks for.
  const faults = lines().filter(({ msg }) => msg === 'request failed')
  assert.deepEqual(
    faults.map(({ route, fileId, err }) => [route, fileId, (err as Error).message]),
    [
      ['/transfer/:token/*', parseFileId(upload.id), failure.message],
      ['/lightfield/v1/files/:id', parseFileId(upload.id), failure.message],
    ],
  )
  assert.equal(faults[1]?.requestId, retrieved.headers.get('x-request-id'))
  assert.ok(lines().some(({ msg }) => msg === 'answered'))
})

test('a full disk is a warning for each upload that it refuses, over HTTP and gRPC, and no fault', async (t) => {
  const reserve = { ENTREPOT_DISK_RESERVE_BYTES: String(Number.MAX_SAFE_INTEGER), ENTREPOT_GRPC_PORT: '0' }
  const { app, lines, client } = await startTalking(t, reserve)
  assert.equal((await putBytes(await client.pending())).status, 507)
  const yandex = new YandexClient(app.grpcAddress ?? '', `Bearer ${ROOT_KEY}`)
  t.after(() => yandex.close())
  await assert.rejects(yandex.stored())
  const told = lines().filter(({ level }) => level >= 40)
  assert.deepEqual(
    told.map(({ level, msg, err, reason }) => [level, msg, err, typeof reason]),
    [
      [40, 'no room for a request', undefined, 'string'],
      [40, 'no room for a call', undefined, 'string'],
    ],
  )
})

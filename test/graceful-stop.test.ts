import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestServer } from './harness.ts'
import { LightfieldClient, ok } from './lightfield-client.ts'
import { RawConnection, readAnswer } from './raw-http.ts'
import { bodyBegun, bytesOnDisk, headOf } from './upload.harness.ts'

test('a server that lives and can work says so, without a key', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const statusOf = { '/healthz': 'ok', '/readyz': 'ready' }
  for (const [path, status] of Object.entries(statusOf)) {
    const response = await fetch(server.url + path)
    assert.deepEqual([response.status, await response.json()], [200, { status }])
  }
})

test('a server that stops finishes what it began, is no longer ready, and takes nobody new', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const client = new LightfieldClient(server)
  const { url } = server
  const upload = await client.pending({ sizeBytes: 200_000 })
  const before = await bytesOnDisk(server)
  const sender = await RawConnection.open(url)
  sender.write(headOf(upload, 'content-length: 200000') + 'x'.repeat(100_000))
  await bodyBegun(server, before)
  const idle = await RawConnection.open(url)
  idle.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n')
  await idle.until(/\}$/)
  const probe = await RawConnection.open(url)
  probe.write('GET /readyz HTTP/1.1\r\nhost: a\r\n')
  await fetch(`${url}/healthz`)

  const stopped = server.app.stop()
  await idle.closed()
  probe.write('\r\n')
  const { status, body } = readAnswer(await probe.until(/\}$/))
  assert.deepEqual([status, JSON.parse(body).problems], [503, ['stopping']])
  await assert.rejects(fetch(`${url}/healthz`))
  sender.write('x'.repeat(100_000))
  assert.match(await sender.closed(), /^HTTP\/1\.1 200 /)
  await stopped
  await server.restart()
  assert.equal(ok(await client.complete(upload.id)).status, 'COMPLETED')
})

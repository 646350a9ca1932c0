import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { TestServer } from '../../../test/harness.ts'
import { RawConnection } from '../../../test/raw-http.ts'
import { BYTES, offsetAt, TusClient } from '../../../test/tus-client.ts'
import type { Services } from '../../core/services.ts'

/** Of requests that are refused by their headers. */
const refused = [
  ['PATCH', { 'content-type': 'application/partial-upload', 'upload-complete': '?0' }],
  ['PATCH', { 'content-type': 'text/plain', 'upload-complete': '?0' }],
  ['PATCH', BYTES],
  ['POST', { 'upload-complete': '?0' }],
  ['PUT', { 'upload-complete': '?0' }],
  ['PUT', {}],
] as const
/** Long enough for the server to see that its client is gone. */
const LOOKUP_MS = 30

test('a client that is gone before it is refused harms nobody', async (t) => {
  const server = await TestServer.start({ ENTREPOT_RESUMABLE_DRAFT: 'on' })
  t.after(() => server.stop())
  const link = await new TusClient(server).created(10)
  const { metadata }: Services = server.app.services
  const findFile = metadata.findFile.bind(metadata)
  const slow = t.mock.method(metadata, 'findFile', async (id: string) => {
    await sleep(LOOKUP_MS)
    return findFile(id)
  })
  for (const [method, headers] of refused) {
    const { host, pathname } = new URL(link)
    const all = { 'content-length': 3, ...headers, host, 'upload-offset': 7 }
    const fields = Object.entries(all).map(([name, text]) => `${name}: ${text}`)
    const connection = await RawConnection.open(link)
    connection.write([`${method} ${pathname} HTTP/1.1`, ...fields, '', 'a'].join('\r\n'))
    await sleep(LOOKUP_MS / 3)
    connection.reset()
  }
  await sleep(3 * LOOKUP_MS)
  slow.mock.restore()
  assert.equal(await offsetAt(link), 0)
})

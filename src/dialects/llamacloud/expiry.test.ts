import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { exchange } from '../../../test/lightfield-client.ts'
import { filePart, LlamaCloudClient, purposePart } from '../../../test/llamacloud-client.ts'
import { runJobs } from '../../../test/run-jobs.ts'
import { keptBytes } from '../../../test/upload.harness.ts'
import { settledUsage } from '../../../test/usage.ts'
import type { PresignedUrl } from './wire.ts'

/** More than the sockets between server and client hold: most of it is still to be read once a download has begun. */
const CONTENT = Buffer.alloc(32 * 1024 * 1024, 'parsed')

test('a file whose time is over is gone at once, and its bytes once the downloads of it had their time', async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const client = new LlamaCloudClient(server)
  const endless = await client.stored('stays')
  const others = await keptBytes(server)
  const { id } = (await client.upload([purposePart('parse'), filePart(CONTENT)])).body
  const all = await keptBytes(server)
  assert.equal(all.length, others.length + 1)

  server.clock.advance({ hours: 48, ms: -1 })
  await runJobs(server)
  const url = await linkOf(client, id)
  const download = await fetch(url)
  assert.equal(download.status, 200)

  server.clock.advance({ ms: 1 })
  for (const path of [`/${id}`, `/${id}/content`]) assert.equal((await client.get(path)).status, 404)
  assert.equal((await exchange('GET', url)).status, 403)
  assert.equal(await client.count(), 1)
  await runJobs(server)
  assert.deepEqual(await settledUsage(server), { files: 1, bytes: 'stays'.length })
  assert.deepEqual(await keptBytes(server), all)

  server.clock.advance({ minutes: 10, ms: -1 })
  await runJobs(server)
  assert.deepEqual(await keptBytes(server), all)
  assert.ok(CONTENT.equals(Buffer.from(await download.arrayBuffer())))

  server.clock.advance({ ms: 1 })
  await runJobs(server)
  assert.deepEqual(await keptBytes(server), others)
  assert.equal(await (await fetch(await linkOf(client, endless.id))).text(), 'stays')
})

async function linkOf(client: LlamaCloudClient, id: string): Promise<string> {
  return (await client.get<PresignedUrl>(`/${id}/content`)).body.url
}

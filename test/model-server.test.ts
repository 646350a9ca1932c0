import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import OpenAI, { toFile } from 'openai'
import { documentedConfiguration, freePort, runNginx, whyNoNginx } from './faults/balancers.ts'
import { TestServer } from './harness.ts'
import { until } from './until.ts'

const RECIPE = fileURLToPath(new URL('../docs/recipes/model-server.md', import.meta.url))

test('nginx, as in the recipe, gives files to this server and the rest to a model server', {
  skip: whyNoNginx(),
}, async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const port = await freePort()
  const ports = { 8080: port, 8420: new URL(server.url).port, 8000: await startModelServer(t) }
  const documented = await documentedConfiguration(RECIPE)
  await runNginx(
    t,
    documented.replace(/\b(8080|8420|8000)\b/g, (name) => String(ports[name as '8080'])),
  )
  const baseURL = `http://127.0.0.1:${port}/v1`
  assert.ok(await until(10_000, async () => (await fetch(baseURL).catch(() => undefined)) !== undefined))

  const client = new OpenAI({ baseURL, apiKey: server.key, maxRetries: 0 })
  const { id } = await client.files.create({
    file: await toFile(Buffer.from('Tides turn at noon.'), 'notes.txt'),
    purpose: 'user_data',
  })
  const content = await (await client.files.content(id)).text()
  const { choices } = await client.chat.completions.create({
    model: 'stand-in',
    messages: [{ role: 'user', content }],
  })
  assert.equal(choices[0]?.message.content, 'Tides turn at noon.')

  const head = { filename: 'large.bin', mime_type: 'application/octet-stream', purpose: 'user_data' } as const
  const upload = await client.uploads.create({ bytes: 4_000_000, ...head })
  const part = await client.uploads.parts.create(upload.id, {
    data: new File([Buffer.alloc(4_000_000)], '1'),
  })
  const { file } = await client.uploads.complete(upload.id, { part_ids: [part.id] })
  assert.equal(file?.bytes, 4_000_000)
})

/** Repeats what it was asked, in the form of a chat. @returns its port */
async function startModelServer(t: TestContext): Promise<number> {
  const server = createServer(async (request, response) => {
    const { messages = [] } = (await json(request).catch(() => ({}))) as { messages?: { content: string }[] }
    const message = { role: 'assistant', content: messages.at(-1)?.content }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ id: request.url, choices: [{ index: 0, message }] }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

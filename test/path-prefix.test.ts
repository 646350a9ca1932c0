import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { TestServer } from './harness.ts'
import { descriptions } from './openapi-contract.ts'

const PREFIX = '/deep/store'

let server: TestServer
let publicUrl: string
/** A proxy as operators have it: it serves one prefix and takes it off. */
const proxy = createServer((incoming, outgoing) => {
  const { method, url = '', headers } = incoming
  if (!url.startsWith(`${PREFIX}/`)) return outgoing.writeHead(404).end('outside of the prefix')
  const passed = request(server.url + url.slice(PREFIX.length), { method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(outgoing)
  })
  return incoming.pipe(passed)
})

before(async () => {
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  publicUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${PREFIX}`
  server = await TestServer.start({ ENTREPOT_PUBLIC_URL: publicUrl })
})
after(async () => {
  proxy.closeAllConnections()
  proxy.close()
  await server.stop()
})

interface Document {
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, object>>
}

test('behind a path prefix, the servers of every description are at the public URL', async () => {
  for (const name of descriptions) {
    const document = (await (await fetch(`${publicUrl}/${name}/openapi.json`)).json()) as Document
    assert.equal(document.servers[0]?.url, `${publicUrl}/${name}`)
    const path = Object.keys(document.paths).find((each) => !each.includes('{')) ?? '/x'
    const { status } = await fetch(document.servers[0].url + path)
    assert.ok([200, 401, 403, 405].includes(status), `${name} ${path}: ${status}`)
  }
})

test('without a public URL, they are where the description was read', async (t) => {
  const other = await TestServer.start()
  t.after(() => other.stop())
  const document = (await (await fetch(`${other.url}/yandex/openapi.json`)).json()) as Document
  assert.deepEqual(document.servers, [{ url: '/yandex' }])
})

test('behind a path prefix, the documentation page finds everything that it loads', async () => {
  for (const page of [`${publicUrl}/docs`, `${publicUrl}/docs/`]) {
    const html = await (await fetch(page)).text()
    const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(
      ([, address = '']) => new URL(address, page),
    )
    assert.ok(loaded.length > 5)
    for (const address of loaded) assert.equal((await fetch(address)).status, 200, address.href)
    const script = await (await fetch(`${publicUrl}/docs/static/swagger-initializer.js`)).text()
    for (const name of descriptions) {
      assert.ok(script.includes(`"${PREFIX}/${name}/openapi.json"`), name)
      assert.equal((await fetch(new URL(`${PREFIX}/${name}/openapi.json`, page))).status, 200)
    }
  }
})

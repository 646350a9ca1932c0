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

test('the documentation page finds all that it loads, behind a path prefix and past its proxy', async () => {
  for (const base of [publicUrl, server.url])
    for (const address of ['/docs', '/docs/', '/docs?tryItOut=true', '/docs/?tryItOut=true']) {
      const answer = await fetch(base + address)
      const page = answer.url
      assert.ok(page.startsWith(base), page)
      const html = await answer.text()
      const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => new URL(path, page))
      assert.ok(loaded.length > 5)
      for (const { href } of loaded) assert.equal((await fetch(href)).status, 200, `${page}: ${href}`)
      const script = await (await fetch(new URL('static/swagger-initializer.js', page))).text()
      for (const name of descriptions) {
        assert.ok(script.includes(`"../${name}/openapi.json"`), name)
        assert.equal((await fetch(new URL(`../${name}/openapi.json`, page))).status, 200)
      }
    }
})

test('behind a path prefix, the page at the root leads on, and tells base URLs with the prefix', async () => {
  const page = await fetch(`${publicUrl}/`, { headers: { accept: 'text/html' } })
  const html = await page.text()
  const links = [...html.matchAll(/<a href="([^"]+)"/g)].map(([, path = '']) => new URL(path, page.url))
  assert.equal(links.length, 3)
  for (const { href } of links) {
    assert.ok(href.startsWith(publicUrl), href)
    assert.equal((await fetch(href)).status, 200, href)
  }
  assert.ok(html.includes(`<code>${publicUrl}/openai/v1</code>`), html)
})

test('the console finds all that it loads, and the API, behind a path prefix and past its proxy', async () => {
  for (const root of [publicUrl, server.url])
    for (const path of ['', '/', '/keys', '/files/0190e0c4-57a1-7c3e-9a6b-1f2e3d4c5b6a?project=a/b']) {
      const page = await fetch(`${root}/console${path}`)
      const html = await page.text()
      const base = new URL(/<base href="([^"]+)"/.exec(html)?.[1] ?? '', page.url)
      assert.equal(base.href, `${root}/console/`)
      const loaded = [...html.matchAll(/(?:src|href)="([^"]*assets[^"]+)"/g)].map(([, path = '']) => path)
      assert.ok(loaded.length >= 3)
      for (const path of loaded) assert.equal((await fetch(new URL(path, base))).status, 200, path)
      assert.equal((await fetch(new URL('../admin/v1/files', base))).status, 401)
    }
})

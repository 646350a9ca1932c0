import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { version } from '../src/app/version.ts'
import { allDialects } from '../src/dialects/all.ts'
import { Chromium, whyNoChromium } from './browser/chromium.ts'
import { TestServer } from './harness.ts'
import { onlyLong } from './rounds.ts'

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

let server: TestServer

before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

function ask(accept: string, method = 'GET'): Promise<Response> {
  return fetch(`${server.url}/`, { method, headers: { accept } })
}

test('the root tells programs as JSON what this is and where to go on', async () => {
  for (const accept of ['*/*', 'application/json']) {
    const answer = await ask(accept)
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
    const { name, console, docs, health, baseUrls, ...rest } = (await answer.json()) as Record<string, string>
    assert.deepEqual([name, rest], ['entrepot', {}])
    for (const link of [console, docs, health]) assert.equal((await fetch(link ?? '')).status, 200)
    assert.deepEqual(Object.keys(baseUrls ?? {}).sort(), allDialects.map((dialect) => dialect.name).sort())
  }
})

test('the base URLs that the root tells are those of the dialects', async () => {
  const { baseUrls } = (await (await ask('*/*')).json()) as { baseUrls: Record<string, string> }
  for (const [name, baseUrl] of Object.entries(baseUrls)) {
    const described = await (await fetch(`${server.url}/${name}/openapi.json`)).json()
    const { paths } = described as { readonly paths: Record<string, object> }
    const below = Object.keys(paths).filter((path) =>
      `${server.url}/${name}${path}`.startsWith(`${baseUrl}/`),
    )
    assert.ok(below.length > 0, `${baseUrl}: ${Object.keys(paths)}`)
  }
  assert.equal(baseUrls.openai, `${server.url}/openai/v1`)
})

test('the root shows a browser a page that loads nothing and runs nothing', async () => {
  const answer = await ask(BROWSER)
  const html = await answer.text()
  assert.match(answer.headers.get('content-type') ?? '', /^text\/html; charset=utf-8$/)
  assert.equal(answer.headers.get('vary'), 'accept')
  const policy = answer.headers.get('content-security-policy') ?? ''
  const style = /<style>([\s\S]*)<\/style>/.exec(html)?.[1] ?? ''
  const digest = createHash('sha256').update(style).digest('base64')
  assert.ok(policy.startsWith(`default-src 'none'; style-src 'sha256-${digest}';`), policy)
  assert.doesNotMatch(html, /<script|\bsrc=|\bon\w+=|url\(/)
  const links = [...html.matchAll(/href="([^"]+)"/g)].map(([, link = '']) => link)
  for (const link of links) assert.ok(!/^(?:https?:)?\/\//.test(link), link)
})

test('the root tells nobody a version, in no form', async () => {
  for (const accept of [BROWSER, '*/*']) {
    const answer = await ask(accept)
    assert.ok(!`${JSON.stringify([...answer.headers])}${await answer.text()}`.includes(version()))
  }
})

test('the root takes GET and HEAD', async () => {
  const head = await ask(BROWSER, 'HEAD')
  const get = await ask(BROWSER)
  assert.equal(head.headers.get('content-length'), get.headers.get('content-length'))
  assert.equal(await head.text(), '')
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const refused = await ask(BROWSER, method)
    assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD'], method)
  }
})

test('a browser applies the style of the page at the root', {
  skip: onlyLong || whyNoChromium(),
}, async (t) => {
  const browser = await Chromium.start()
  t.after(() => browser.stop())
  await browser.open(`${server.url}/`)
  assert.equal(await browser.evaluate('getComputedStyle(document.body).maxWidth'), '704px')
  assert.equal(await browser.evaluate('document.documentElement.scrollWidth <= innerWidth'), true)
})

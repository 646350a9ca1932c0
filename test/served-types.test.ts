import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { linkToken } from './link-token.ts'
import { LlamaCloudClient, type PageBody, purposePart, urlOf } from './llamacloud-client.ts'
import { S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'
import { YandexRest } from './yandex-rest.ts'

const NEUTRAL = 'application/octet-stream'
const CONTENT = '<script>alert(1)</script>'
/** Implies no type. */
const FILENAME = 'upload'

/** Two servers: one gives out links of its own, the other those of its bucket. */
const servers: { own?: TestServer; direct?: TestServer } = {}
let s3: S3TestServer

before(async () => {
  s3 = await S3TestServer.start()
  servers.own = await TestServer.start()
  servers.direct = await TestServer.start({ ...s3Settings(s3), ENTREPOT_DIRECT_TRANSFER: 'on' })
})
after(async () => {
  await servers.own?.stop()
  await servers.direct?.stop()
  await s3.stop()
})

function serverOf(kind: 'own' | 'direct'): TestServer {
  return servers[kind] ?? assert.fail('not started')
}

interface Links {
  readonly lightfield: string
  readonly llamacloud: string
  readonly yandex: string
}

/** A new file of this type, and a link to its bytes from each dialect. */
async function linksTo(server: TestServer, type: string): Promise<Links> {
  // Of the three it keeps whatever it is told, be it no type at all.
  const lightfield = new LightfieldClient(server)
  const { id } = await lightfield.stored(CONTENT, { filename: FILENAME, mimeType: type })
  const told = await new LlamaCloudClient(server).get(`/${id}?expand=download_url`)
  return {
    lightfield: await lightfield.link(id),
    llamacloud: urlOf(told.body).url,
    yandex: await new YandexRest(server).url(id),
  }
}

/** What answers that carry the file say it is, whole and in part, and of our own process to HEAD. */
async function typesAt(url: string, kind: 'own' | 'direct'): Promise<(string | null)[]> {
  const requests: (readonly [number, RequestInit])[] = [
    [200, {}],
    [206, { headers: { range: 'bytes=0-3' } }],
  ]
  if (kind === 'own') requests.push([200, { method: 'HEAD' }])
  const types = []
  for (const [expected, init] of requests) {
    const { status, headers } = await fetch(url, init)
    assert.equal(status, expected)
    types.push(headers.get('content-type'))
  }
  return types
}

async function assertServed(type: string, expected: string): Promise<void> {
  for (const kind of ['own', 'direct'] as const) {
    const { lightfield, llamacloud, yandex } = await linksTo(serverOf(kind), type)
    for (const url of [lightfield, llamacloud])
      for (const served of await typesAt(url, kind)) assert.equal(served, expected)
    for (const served of await typesAt(yandex, kind)) assert.equal(served, type)
  }
}

/** What a browser would run, draw as a page, or load into one; and spellings in which it would still be read so. */
const active = [
  'text/html',
  'Text/HTML; charset=utf-8',
  'TEXT/HTML',
  'text/html;charset=utf-8',
  'text/html ; charset=utf-8',
  'text/html;',
  'text/x-server-parsed-html',
  'text/webviewhtml',
  'application/xhtml+xml',
  'application/XHTML+XML;profile=a',
  'application/vnd.wap.xhtml+xml',
  'image/svg+xml',
  'image/svg+xml; charset=utf-8',
  'Image/SVG+XML',
  'image/svg',
  'image/svg-xml',
  'text/xml',
  'application/xml',
  'application/xml; charset=utf-16',
  'application/xml-dtd',
  'text/xml-external-parsed-entity',
  'application/atom+xml',
  'application/mathml+xml',
  'application/rss+xml',
  'application/vnd.unheard-of+xml',
  'application/vnd.mozilla.xul+xml',
  'application/xslt+xml',
  'text/xsl',
  'text/rdf',
  'multipart/related',
  'multipart/related; boundary=x; type="text/html"',
  'multipart/x-mixed-replace; boundary=x',
  'message/rfc822',
  'application/x-mimearchive',
  'application/x-webarchive',
  'application/signed-exchange;v=b3',
  'application/ecmascript',
  'application/javascript',
  'application/x-ecmascript',
  'application/x-javascript',
  'text/ecmascript',
  'text/javascript',
  'text/javascript; charset=utf-8',
  'text/javascript1.0',
  'text/javascript1.5',
  'Text/JavaScript',
  'text/jscript',
  'text/livescript',
  'text/x-ecmascript',
  'text/x-javascript',
  'text/vbscript',
  'text/vbs',
  'text/css',
  'application/wasm',
  'text/cache-manifest',
  'application/x-ns-proxy-autoconfig',
  'text/x-component',
  'text/x-scriptlet',
  'application/hta',
  'application/x-shockwave-flash',
  'application/vnd.adobe.flash.movie',
  'application/futuresplash',
  'application/x-silverlight-app',
  'application/java-archive',
  'application/x-java-applet',
  'application/x-java-jnlp-file',
  'application/x-ms-xbap',
  'application/x-xpinstall',
  // What no two browsers read alike: the last of a list, up to a blank or a comment, or by what the bytes look like.
  'text/plain, text/html',
  'text/plain,text/html',
  'text/plain; a=b, text/html',
  'text/plain; a="b, text/html',
  'text/plain; a="b\\", text/html"',
  'text/html, text/plain',
  'text/html(comment)',
  'text/html text/plain',
  'text/html"',
  'text/ html',
  'text /html',
  'text/html\\',
  'text//html',
  'html',
  'text/',
  '/html',
  '*/*',
  'mimeType',
]
for (const type of active) {
  test(`"${type}" is what Yandex serves alone, Lightfield and LlamaCloud call it ${NEUTRAL}`, () =>
    assertServed(type, NEUTRAL))
}

/** Documents and data: shown or saved, they act in no page. */
const quiet = [
  NEUTRAL,
  'application/pdf',
  'Application/PDF',
  'text/plain',
  'text/plain; charset=utf-8',
  'text/plain; charset="utf-8"',
  'text/plain; a="b, c"',
  'text/markdown',
  'text/csv',
  'text/csv; header=present',
  'text/tab-separated-values',
  'text/rtf',
  'text/x-java-source',
  'application/json',
  'application/ld+json',
  'application/jsonl',
  'application/yaml',
  'application/zip',
  'application/gzip',
  'application/epub+zip',
  'application/msword',
  'application/vnd.ms-excel',
  'application/vnd.ms-powerpoint',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  'application/vnd.oasis.opendocument.text',
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/tiff',
  'audio/mpeg',
  'audio/x-wav',
  'video/mp4',
]
for (const type of quiet) {
  test(`"${type}" is served as it was declared, by every dialect`, () => assertServed(type, type))
}

test('every link of LlamaCloud serves alike, wherever it is told', async () => {
  const client = new LlamaCloudClient(serverOf('own'))
  const html = { name: 'file', filename: FILENAME, type: 'text/html', content: CONTENT }
  const { id } = (await client.upload([html, purposePart('user_data')])).body
  const content = await client.get<{ url: string }>(`/${id}/content`)
  const retrieved = await client.get(`/${id}?expand=download_url`)
  const listed = await client.get<PageBody>(`?expand=download_url&file_ids=${id}`)
  const urls = [content.body, urlOf(retrieved.body), ...listed.body.items.map(urlOf)].map(({ url }) => url)
  assert.equal(urls.length, 3)
  for (const url of urls) assert.deepEqual(await typesAt(url, 'own'), [NEUTRAL, NEUTRAL, NEUTRAL])
})

test('answers without the file tell nothing of an active type', async () => {
  const { lightfield, llamacloud } = await linksTo(serverOf('own'), 'text/html')
  for (const url of [lightfield, llamacloud]) {
    const etag = (await fetch(url)).headers.get('etag') ?? ''
    for (const [expected, method, headers] of [
      [304, 'GET', { 'if-none-match': etag }],
      [304, 'HEAD', { 'if-none-match': etag }],
      [412, 'GET', { 'if-match': '"other"' }],
      [416, 'GET', { range: 'bytes=9999-' }],
      [405, 'POST', {}],
    ] as const) {
      const answer = await fetch(url, { method, headers })
      assert.equal(answer.status, expected)
      const type = answer.headers.get('content-type')
      assert.ok(type === null || type.startsWith('application/json'), `${expected} ${type}`)
    }
  }
})

test('the type is told with the file, whatever its links serve', async () => {
  const server = serverOf('own')
  const type = 'Text/HTML; charset=utf-8'
  const { body } = await new LlamaCloudClient(server).upload([
    { name: 'file', filename: 'page.html', type, content: CONTENT },
    purposePart('user_data'),
  ])
  assert.equal(body.file_type, 'html')
  assert.equal((await new LightfieldClient(server).retrieve(body.id)).body.mimeType, type)
  assert.equal((await new YandexRest(server).get(body.id)).body.mimeType, type)
})

test('a file without a name is saved under the one that it is shown by, its id and the extension of its type', async () => {
  for (const kind of ['own', 'direct'] as const) {
    const server = serverOf(kind)
    const llamacloud = new LlamaCloudClient(server)
    const lightfield = new LightfieldClient(server)
    const yandex = new YandexRest(server)
    const part = { name: 'file', content: '%PDF-1.7\n' }
    const { body } = await llamacloud.upload([part, purposePart('user_data')])
    for (const id of [body.id, (await yandex.stored(part.content)).id]) {
      const { name, download_url } = (await llamacloud.get(`/${id}?expand=download_url`)).body
      assert.match(name, /^[\da-f-]{36}\.pdf$/)
      for (const link of [download_url?.url ?? '', await lightfield.link(id), await yandex.url(id)]) {
        const { headers } = await fetch(link)
        const expected = `attachment; filename="${name}"; filename*=UTF-8''${name}`
        assert.equal(headers.get('content-disposition'), expected)
        if (kind === 'own') assert.equal(new URL(link).pathname.split('/').at(-1), name)
      }
    }
  }
})

test('it is who gives out the link that decides, not who brought the file', async () => {
  for (const kind of ['own', 'direct'] as const) {
    const server = serverOf(kind)
    const lightfield = new LightfieldClient(server)
    const yandex = new YandexRest(server)
    const brought = [
      (await lightfield.stored(CONTENT, { mimeType: 'text/html' })).id,
      (await yandex.stored(CONTENT, { mimeType: 'text/html' })).id,
    ]
    for (const id of brought) {
      assert.ok((await typesAt(await lightfield.link(id), kind)).every((type) => type === NEUTRAL))
      assert.ok((await typesAt(await yandex.url(id), kind)).every((type) => type === 'text/html'))
    }
  }
})

test('the type that a link serves cannot be changed in the link', async () => {
  const own = await linksTo(serverOf('own'), 'text/html')
  const token = linkToken(own.lightfield)
  const bytes = Buffer.from(token, 'base64url')
  for (let code = 0; code < 256; code++) {
    if (code === bytes[1]) continue
    const changed = Buffer.from(bytes)
    changed[1] = code
    assert.equal((await fetch(own.lightfield.replace(token, changed.toString('base64url')))).status, 403)
  }
  const url = new URL((await linksTo(serverOf('direct'), 'text/html')).lightfield)
  assert.equal(url.searchParams.get('response-content-type'), NEUTRAL)
  url.searchParams.set('response-content-type', 'text/html')
  assert.equal((await fetch(url)).status, 403)
  url.searchParams.delete('response-content-type')
  assert.equal((await fetch(url)).status, 403)
})

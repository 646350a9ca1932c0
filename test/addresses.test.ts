import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from './harness.ts'
import { exchange, LightfieldClient, VERSION } from './lightfield-client.ts'
import { BOUNDARY, FILES, filePart, formOf, LlamaCloudClient, purposePart } from './llamacloud-client.ts'
import { sendRaw } from './raw-http.ts'
import { YANDEX_FILES, YandexRest } from './yandex-rest.ts'

let server: TestServer
let headers: Record<string, string>
let ids: { lightfield: string; llamacloud: string; yandex: string }

before(async () => {
  server = await TestServer.start()
  headers = { authorization: `Bearer ${server.key}`, 'lightfield-version': VERSION }
  ids = {
    lightfield: (await new LightfieldClient(server).stored()).id,
    llamacloud: (await new LlamaCloudClient(server).stored()).id,
    yandex: (await new YandexRest(server).stored()).id,
  }
})
after(() => server.stop())

/** Paths of every dialect and of the server itself, and the methods that each takes. */
const addresses: readonly (readonly [path: string, methods: string])[] = [
  ['/v1/files', 'GET, HEAD, POST'],
  ['/lightfield/v1/files/x', 'GET, HEAD'],
  ['/lightfield/v1/files/x/complete', 'POST'],
  ['/llamacloud/api/v1/projects', 'GET'],
  ['/api/v1/files', 'GET, POST, PUT'],
  ['/session', 'POST, DELETE'],
  ['/anthropic/v1/files', 'GET, HEAD, POST'],
  ['/anthropic/v1/files/x', 'GET, HEAD, DELETE'],
  ['/anthropic/v1/files/x/content', 'GET, HEAD'],
  [YANDEX_FILES, 'GET, HEAD, POST'],
  [`/yandex${YANDEX_FILES}/x`, 'GET, HEAD, PATCH, DELETE'],
  [`${YANDEX_FILES}:getUrl`, 'GET, HEAD'],
  ['/endpoints', 'GET, HEAD'],
  ['/transfer/x', 'GET, HEAD, PUT'],
  ['/tus', 'POST'],
  ['/tus/', 'POST'],
  ['/healthz', 'GET, HEAD'],
  ['/docs/', 'GET, HEAD'],
  ['/lightfield/openapi.json', 'GET, HEAD'],
]

/** Where OPTIONS tells what can be done, with 204. */
const TELLING = /^\/(transfer|tus)\b/

for (const [path, allowed] of addresses) {
  test(`${path} refuses each method that it does not take with 405, and tells those that it takes`, async () => {
    for (const method of [
      'OPTIONS',
      'TRACE',
      'PROPFIND',
      'QUERY',
      'PUT',
      'PATCH',
      'DELETE',
      'POST',
      'GET',
      'HEAD',
    ]) {
      if (allowed.split(', ').includes(method)) continue
      if (method === 'OPTIONS' && TELLING.test(path)) continue
      const answer = await sendRaw(
        server.url,
        `${method} ${path}?a=/ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
      )
      assert.equal(answer.status, 405, method)
      assert.equal(answer.headers.get('allow'), allowed, method)
    }
  })
}

test('an address where there is nothing gets 404 for every method', async () => {
  for (const path of [
    '/v1',
    '/v1/none',
    '/api/v1/none',
    '/lightfield',

    '/files/v1/files:copy',
  ])
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'TRACE', 'PROPFIND']) {
      const { status } = await sendRaw(
        server.url,
        `${method} ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
      )
      assert.equal(status, 404, `${method} ${path}`)
    }
})

test('Lightfield, Yandex and the server itself answer HEAD as GET, without the body', async () => {
  for (const path of [
    '/v1/files?limit=1',
    `/lightfield/v1/files/${ids.lightfield}`,
    '/v1/auth/validate',
    '/v1/files/unknown',
    `/yandex${YANDEX_FILES}/${ids.yandex}`,
    `${YANDEX_FILES}?folderId=default`,
    `${YANDEX_FILES}?folderId=`,
    '/endpoints',
    '/',
    '/healthz',
    '/yandex/openapi.json',
    '/docs',
    '/docs/',
  ]) {
    const get = await exchange('GET', server.url + path, undefined, headers)
    const head = await exchange('HEAD', server.url + path, undefined, headers)
    assert.deepEqual([head.status, head.text], [get.status, ''], path)
    for (const name of ['content-type', 'content-length'])
      assert.equal(head.headers.get(name), get.headers.get(name), `${path} ${name}`)
  }
  const refused = await exchange('HEAD', `${server.url}/v1/files`, undefined, {
    'lightfield-version': VERSION,
  })
  assert.equal(refused.status, 401)
})

test('LlamaCloud refuses HEAD', async () => {
  for (const path of [
    FILES,
    `${FILES}/${ids.llamacloud}`,
    `${FILES}/${ids.llamacloud}/content`,
    '/api/v1/projects',
  ])
    assert.equal((await exchange('HEAD', server.url + path, undefined, headers)).status, 405, path)
})

test('LlamaCloud serves a path with a slash as without one, but GET of its files', async () => {
  const form = formOf([purposePart(), filePart()])
  const formType = { ...headers, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
  const { id } = await new LlamaCloudClient(server).stored()
  const json = { ...headers, 'content-type': 'application/json' }
  for (const prefix of ['', '/llamacloud']) {
    const ask = async (method: string, path: string, body?: Buffer | string, sent = headers) =>
      (await exchange(method, server.url + prefix + path, body, sent)).status
    assert.equal(await ask('POST', `${FILES}/`, form, formType), 201)
    assert.equal(await ask('POST', `${FILES}/?project_id=default`, form, formType), 201)
    assert.equal(await ask('POST', `${FILES}/query/`, '{}', json), 200)
    assert.equal(await ask('GET', `${FILES}/${id}/`), 200)
    assert.equal(await ask('GET', `${FILES}/${id}/content/?expires_at_seconds=9`), 200)
    assert.equal(await ask('GET', '/api/v1/projects/'), 200)
    assert.equal(await ask('POST', '/session/'), 200)
    assert.equal(await ask('GET', `${FILES}/`), 404)
    assert.equal(await ask('GET', '/api/v1/files/'), 404)
    assert.equal(await ask('PUT', '/api/v1/files/', '{"name":"a.txt"}', json), 200)
    assert.equal(await ask('GET', `${FILES}/?page_size=1`), 404)
    assert.equal(await ask('DELETE', `${FILES}/`), 405)
    assert.equal(await ask('GET', `${FILES}//`), 404)
    assert.equal(await ask('GET', '/api/v1/none/'), 404)
  }
  assert.equal((await exchange('DELETE', `${server.url}${FILES}/${id}/`, undefined, headers)).status, 204)
})

test('the other dialects know no path with a slash at its end', async () => {
  for (const path of ['/v1/files/', '/lightfield/v1/auth/validate/', '/endpoints/', '/healthz/'])
    assert.equal((await exchange('GET', server.url + path, undefined, headers)).status, 404, path)
})

test('an address of the server that is nobody’s names the documentation and the base URL', async () => {
  const { status, body } = await exchange<{ error: { message: string } }>('GET', `${server.url}/nothing`)
  assert.equal(status, 404)
  assert.equal(
    body.error.message,
    'There is nothing at this address. The APIs are described at /docs. The base URL of an SDK is the address of this server, and /v1 follows it where the vendor’s own ends so (README.md).',
  )
  const { text } = await exchange('GET', `${server.url}/v1/nothing`, undefined, headers)
  assert.doesNotMatch(text, /docs/)
})

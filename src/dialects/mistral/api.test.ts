import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { MistralClient } from '../../../test/mistral-client.ts'
import type { RequestHead } from '../../http/addressee.ts'
import { mistralApi } from './api.ts'

const ID = '01890000-0000-7000-8000-0000000000ff'
const values = { maxFileBytes: 1, expiryUnitSeconds: 1, retentionHours: undefined, maxPageSize: 1 }

let server: TestServer

before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

const cases: readonly (readonly [
  what: string,
  head: Partial<RequestHead>,
  'surely' | 'likely' | undefined,
])[] = [
  ['the SDK’s user agent', { headers: { 'user-agent': 'mistral-client-python/3.7.0' } }, 'surely'],
  ['another user agent', { headers: { 'user-agent': 'curl/8' } }, undefined],
  ['the empty cookie', { headers: { cookie: '' } }, 'likely'],
  ['a cookie', { headers: { cookie: 'a=b' } }, undefined],
  ['a list by pages', { url: '/v1/files?page=0' }, 'likely'],
  ['a list by type', { url: '/v1/files?limit=1&mimetypes=a%2Fb' }, 'likely'],
  ['a list by cursor', { url: '/v1/files?after=x&purpose=ocr' }, undefined],
  ['an upload with a query', { url: '/v1/files?page=0', method: 'POST' }, undefined],
  ['a signed URL', { url: `/v1/files/x/url?expiry=24` }, 'likely'],
  ['bytes', { url: '/v1/files/x/content', headers: { accept: 'application/octet-stream' } }, 'likely'],
  ['bytes of any type', { url: '/v1/files/x/content', headers: { accept: '*/*' } }, undefined],
  ['a UUID', { url: `/v1/files/${ID}`, method: 'DELETE' }, 'likely'],
  ['another dialect’s id', { url: '/v1/files/file-abc' }, undefined],
  ['another path', { url: '/v1/models?page=0' }, undefined],
]

for (const [what, head, claim] of cases)
  test(`a request with ${what} is ${claim ?? 'not'} its own`, () => {
    const { claims } = mistralApi(values)
    assert.equal(claims?.({ method: 'GET', url: '/v1/files', headers: {}, ...head }), claim)
  })

test('pages of other origins may upload and read with a key', async () => {
  const url = `${server.url}/mistral/v1/files`
  const origin = 'https://app.example'
  for (const method of ['POST', 'DELETE']) {
    const preflight = await fetch(method === 'POST' ? url : `${url}/${ID}`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type',
      },
    })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers.get('access-control-allow-origin'), '*')
    assert.match(preflight.headers.get('access-control-allow-methods') ?? '', new RegExp(method))
  }
  const list = await new MistralClient(server).get('', { origin })
  assert.deepEqual([list.status, list.headers.get('access-control-allow-origin')], [200, '*'])
  const refused = await new MistralClient(server, 'wrong').get('', { origin })
  assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [401, '*'])
})

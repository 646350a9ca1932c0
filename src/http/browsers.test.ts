import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../test/harness.ts'
import { announcing, exchange, LightfieldClient, ok, putBytes } from '../../test/lightfield-client.ts'
import { withToken } from '../../test/link-token.ts'

const ORIGIN = 'https://app.example'

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

function names(header: string | null): string[] {
  return (header ?? '').split(',').map((name) => name.trim().toLowerCase())
}

test('a page of any origin may PUT with the headers of an upload', async () => {
  const create = client.create({ purpose: 'knowledge_user' }, announcing('hello'))
  const { uploadUrl, uploadHeaders } = ok(await create)
  const wanted = Object.keys(uploadHeaders)
  assert.ok(wanted.includes('if-none-match'))
  const preflight = await exchange('OPTIONS', uploadUrl, undefined, {
    origin: ORIGIN,
    'access-control-request-method': 'PUT',
    'access-control-request-headers': wanted.join(','),
  })
  assert.equal(preflight.status, 204)
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*')
  assert.ok(names(preflight.headers.get('access-control-allow-methods')).includes('put'))
  const allowed = names(preflight.headers.get('access-control-allow-headers'))
  for (const name of wanted) assert.ok(allowed.includes(name))
  assert.equal(preflight.headers.get('access-control-allow-credentials'), null)
})

test('a page of any origin reads the answers of links, refusals included', async () => {
  const upload = await client.pending()
  const put = await putBytes(upload, 'hello', { origin: ORIGIN })
  assert.equal(put.status, 200)
  assert.equal(put.headers.get('access-control-expose-headers'), '*')
  const refused = await putBytes(upload, 'hello!', { origin: ORIGIN })
  assert.equal(refused.status, 400)
  const { id } = await client.stored()
  const link = await client.link(id)
  const got = await exchange('GET', link, undefined, { origin: ORIGIN })
  const missed = await exchange(
    'GET',
    withToken(link, (token) => `${token}x`),
    undefined,
    { origin: 'null' },
  )
  assert.equal(missed.status, 403)
  for (const { headers } of [put, refused, got, missed]) {
    assert.equal(headers.get('access-control-allow-origin'), '*')
    assert.equal(headers.get('access-control-allow-credentials'), null)
  }
})

test('a page of any origin reads why an address is not served, where it may call the others', async () => {
  const refused: readonly (readonly [string, string, number])[] = [
    ['PATCH', '/api/v1/beta/files', 405],
    ['GET', '/api/v1/none', 404],
    ['GET', '/api/api/v1/beta/files', 404],
    ['PATCH', '/llamacloud/api/v1/beta/files', 405],
    ['GET', '/llamacloud/api/v1/none', 404],
  ]
  for (const [method, path, status] of refused) {
    const answer = await exchange(method, `${server.url}${path}`, undefined, { origin: ORIGIN })
    assert.equal(answer.status, status, path)
    assert.equal(answer.headers.get('access-control-allow-origin'), '*', path)
    assert.equal(answer.headers.get('access-control-expose-headers'), '*', path)
  }
  const { headers } = await exchange('PATCH', `${server.url}/session`, undefined, { origin: ORIGIN })
  assert.equal(headers.get('access-control-allow-origin'), null)
})

test('no page of another origin may call Lightfield, with or without a preflight', async () => {
  const asked = {
    origin: ORIGIN,
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'authorization,lightfield-version',
  }
  for (const path of ['/v1/files', '/v1/auth/validate', '/v1/none']) {
    const preflight = await client.send('OPTIONS', path, undefined, asked)
    assert.equal(preflight.status, path === '/v1/none' ? 404 : 405)
    const simple = await client.send('GET', path, undefined, { origin: ORIGIN })
    for (const { headers } of [preflight, simple]) {
      for (const name of ['access-control-allow-origin', 'access-control-allow-methods'])
        assert.equal(headers.get(name), null)
    }
  }
})

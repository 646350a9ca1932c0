import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { filePart } from '../../../test/llamacloud-client.ts'
import { MistralClient, type MistralError, placesOf } from '../../../test/mistral-client.ts'
import { setQuota } from '../../../test/usage.ts'
import { ServiceError, StoreError } from '../../core/errors.ts'
import { toErrorAnswer } from './errors.ts'

const UNKNOWN = '01890000-0000-7000-8000-0000000000ff'
const NOT_FOUND = { detail: 'File not found' }

let server: TestServer
let client: MistralClient

before(async () => {
  server = await TestServer.start()
  client = new MistralClient(server)
})
after(() => server.stop())

const flat = (message: string, type = 'invalid_request_error', param: string | null = null) => ({
  object: 'error',
  message,
  type,
  param,
  code: null,
})

test('a key that is absent or wrong is 401, in the vendor’s words', async () => {
  for (const key of [undefined, 'ek_wrong']) {
    const { status, body } = await new MistralClient(server, key).get('')
    assert.deepEqual([status, body], [401, { detail: 'Unauthorized' }])
  }
})

test('a file that is unknown or another’s is 404; a text that is no id of any dialect is 422', async () => {
  const { key } = await server.newTenant('other')
  const foreign = await new MistralClient(server, key).stored()
  for (const id of [UNKNOWN, foreign.id]) {
    for (const path of ['', '/content', '/url']) {
      const { status, body } = await client.get(`/${id}${path}`)
      assert.deepEqual([status, body], [404, NOT_FOUND])
    }
    assert.deepEqual((await client.delete(id)).body, NOT_FOUND)
  }
  for (const path of ['', '/content', '/url'])
    assert.deepEqual(placesOf(await client.get(`/no-id${path}`)), ['path.file_id uuid_parsing'])
})

test('an address where nothing is is 404, a method that is not taken 405', async () => {
  const answers = [
    await client.get('/a/b/c'),
    await client.send('PATCH', `/${UNKNOWN}`),
    await client.send('HEAD', ''),
  ]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [404, 405, 405],
  )
  assert.deepEqual(answers[0]?.body, { detail: 'Not Found' })
  assert.equal(answers[1]?.headers.get('allow'), 'GET, DELETE')
  assert.match(answers[1]?.text ?? '', /^\{"object":"error"/)
})

test('a key that may not is 403, in the flat shape', async () => {
  const reader = new MistralClient(server, await server.newKey({ scopes: ['files:read'] }))
  const { status, body } = await reader.upload<MistralError>([filePart()])
  assert.deepEqual([status, body], [403, flat('This key lacks the scope files:create.')])
})

test('a form that breaks off in its middle is 400', async () => {
  const type = { 'content-type': 'multipart/form-data; boundary=x' }
  const { status, body } = await client.send<MistralError>('POST', '', '--x\r\nno form', type)
  assert.equal(status, 400)
  assert.deepEqual({ ...body, message: '' }, flat(''))
})

test('a quota that is used up is 402', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  await setQuota(own, 'organization', { bytes: 10 })
  const { status, body } = await new MistralClient(own).upload<MistralError>([filePart('x'.repeat(11))])
  assert.deepEqual([status, body.object, body.type], [402, 'error', 'invalid_request_error'])
})

test('too many requests are told when to come again', async (t) => {
  const own = await TestServer.start({ ENTREPOT_RATE_LIMITS: 'read=1' })
  t.after(() => own.stop())
  const other = new MistralClient(own)
  const answers = await Promise.all(Array.from({ length: 5 }, () => other.get<MistralError>(`/${UNKNOWN}`)))
  const limited = answers.find(({ status }) => status === 429)
  assert.deepEqual(limited?.body, flat('Rate limit exceeded', 'rate_limit_error'))
  assert.match(limited?.headers.get('retry-after') ?? '', /^\d+$/)
})

test('our own trouble is 500 or 503 in the flat shape, without its cause', async (t) => {
  const { id } = await client.stored()
  const { metadata } = server.app.services
  t.mock.method(metadata, 'findFile', () => Promise.reject(new Error('secret')))
  const broken = await client.get<MistralError>(`/${id}`)
  assert.deepEqual([broken.status, broken.body], [500, flat('Internal server error', 'server_error')])
  t.mock.method(metadata, 'findFile', () => Promise.reject(new StoreError('unavailable', 'secret')))
  const away = await client.get<MistralError>(`/${id}`)
  assert.deepEqual([away.status, away.body.type], [503, 'server_error'])
  assert.doesNotMatch(broken.text + away.text, /secret/)
})

test('a field that our own rules refuse is told as FastAPI does', () => {
  const error = new ServiceError('field-invalid', 'is wrong', { field: 'purpose' })
  assert.deepEqual(toErrorAnswer(error, '').body, {
    detail: [{ type: 'value_error', loc: ['body', 'purpose'], msg: 'is wrong' }],
  })
})

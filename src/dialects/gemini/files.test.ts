import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { command, GeminiClient, type PageBody, type StatusBody } from '../../../test/gemini-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { LightfieldClient } from '../../../test/lightfield-client.ts'

let server: TestServer
let client: GeminiClient

before(async () => {
  server = await TestServer.start()
  client = new GeminiClient(server)
})
after(() => server.stop())

const versions = ['v1', 'v1beta'] as const
interface Failed {
  readonly error: StatusBody
}

const gone = (name: string) => ({
  error: {
    code: 403,
    message: `You do not have permission to access the File ${name} or it may not exist.`,
    status: 'PERMISSION_DENIED',
  },
})

for (const prefix of ['', '/gemini'])
  for (const version of versions)
    test(`a file is shown, downloaded and deleted at ${prefix}/${version}`, async () => {
      const { name } = await client.stored('hello', { mimeType: 'text/plain', displayName: 'приве́т 📄.txt' })
      const base = `${prefix}/${version}`
      const shown = await client.get(`${base}/${name}`)
      assert.equal(shown.status, 200)
      const now = server.clock.now()
      assert.deepEqual(shown.body, {
        name,
        displayName: 'приве́т 📄.txt',
        mimeType: 'text/plain',
        sizeBytes: '5',
        createTime: new Date(now).toISOString(),
        updateTime: new Date(now).toISOString(),
        expirationTime: new Date(now + 48 * 3_600_000).toISOString(),
        sha256Hash: hash('sha256', 'hello', 'base64'),
        uri: `${server.url}${base}/${name}`,
        downloadUri: `${server.url}${base}/${name}:download?alt=media`,
        state: 'ACTIVE',
        source: 'UPLOADED',
      })
      assert.match(name, /^files\/[0-9a-f]{32}$/)
      const download = await fetch(shown.body.downloadUri ?? '', {
        headers: { 'x-goog-api-key': server.key },
      })
      assert.equal(download.headers.get('content-type'), 'text/plain')
      assert.equal(download.headers.get('content-length'), '5')
      assert.equal(await download.text(), 'hello')
      const other = `${prefix}/download/${version}/${name}:download?alt=media`
      assert.equal((await client.get(other)).text, 'hello')
      for (const path of [`${base}/${name}:download?alt=media`, other])
        assert.equal((await client.send('HEAD', path)).headers.get('content-length'), '5')
      const deleted = await client.send('DELETE', `${base}/${name}`, version === 'v1' ? '{}' : undefined)
      assert.deepEqual([deleted.status, deleted.text], [200, '{}'])
      for (const method of ['GET', 'DELETE']) {
        const answer = await client.send<Failed>(method, `${base}/${name}`)
        assert.deepEqual([answer.status, answer.body], [403, gone(name.slice('files/'.length))])
      }
    })

test('every form of an id is a name; what is no stored file of the key is not there', async () => {
  const { name } = await client.stored()
  const bare = name.slice('files/'.length)
  const uuid = bare.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  for (const form of [bare, uuid, uuid.toUpperCase(), `dfl-${uuid}`])
    assert.equal((await client.get(`/v1/files/${form}`)).body.name, name, form)
  const tenant = await server.newTenant('elsewhere')
  const foreign = await new GeminiClient(server, tenant.key).get<Failed>(`/v1/${name}`)
  assert.deepEqual(foreign.body, gone(bare))
  for (const text of ['nope', 'a'.repeat(500), 'UPPER', '%D0%BF', 'a%20b'])
    assert.deepEqual((await client.get<Failed>(`/v1/files/${text}`)).body, gone(decodeURIComponent(text)))
  assert.equal((await client.get<Failed>('/v1/files/nope:download?alt=media')).status, 403)
})

test('a whole URI stands for its name', async () => {
  const { name, uri } = await client.stored()
  const joined = uri.replace('//', '/')
  for (const text of [uri, joined, uri.replace('http:', 'https:'), uri.replace('/v1beta/', '/proxy/v1/')]) {
    assert.equal((await client.get(`/v1/files/${text}`)).body.name, name, text)
    assert.equal((await client.get(`/v1/files/${text}:download?alt=media`)).text, 'hello')
  }
  for (const text of ['http://', 'http://host/x', `${uri}:other`, `${uri}/x`])
    assert.equal((await client.get<Failed>(`/v1/files/${text}`)).status, 404, text)
  assert.equal((await client.send('DELETE', `/v1/files/${uri}`)).text, '{}')
  assert.equal((await client.get(`/v1/${name}`)).status, 403)
})

test('a file ends after 48 hours, and answers as if it had never been', async () => {
  const { name } = await client.stored()
  server.clock.advance({ hours: 47, minutes: 59 })
  assert.equal((await client.get(`/v1/${name}`)).status, 200)
  server.clock.advance({ minutes: 1 })
  assert.deepEqual((await client.get<Failed>(`/v1/${name}`)).body, gone(name.slice('files/'.length)))
})

test('pages go from the newest to the oldest file, and the last one has no token', async (t) => {
  const own = await TestServer.start()
  t.after(() => own.stop())
  const lister = new GeminiClient(own)
  assert.equal((await lister.get('/v1/files')).text, '{}')
  const names: string[] = []
  for (let count = 0; count < 12; count++) {
    own.clock.advance({ seconds: 1 })
    names.unshift((await lister.stored(String(count))).name)
  }
  const page = async (query: string) => (await lister.get<PageBody>(`/v1beta/files${query}`)).body
  const namesIn = ({ files = [] }: PageBody) => files.map(({ name }) => name)
  const first = await page('')
  assert.deepEqual(namesIn(first), names.slice(0, 10))
  const second = await page(`?pageToken=${first.nextPageToken}`)
  assert.deepEqual(namesIn(second), names.slice(10))
  assert.deepEqual(Object.keys(second), ['files'])
  for (const all of ['?pageSize=12', '?page_size=100', '?pageSize=1000000'])
    assert.deepEqual(Object.keys(await page(all)), ['files'])
  const found: string[] = []
  for (let token = ''; ; ) {
    const { files = [], nextPageToken } = await page(`?pageSize=5${token && `&pageToken=${token}`}`)
    found.push(...files.map(({ name }) => name))
    if (nextPageToken === undefined) break
    token = nextPageToken
  }
  assert.deepEqual(found, names)
  for (const wrong of [
    '?pageSize=0',
    '?pageSize=-1',
    '?pageSize=x',
    '?pageToken=x',
    '?pageSize=1&pageSize=2',
  ]) {
    const { status, body } = await lister.get<Failed>(`/v1/files${wrong}`)
    assert.deepEqual([status, body.error.code, body.error.status], [400, 400, 'INVALID_ARGUMENT'], wrong)
  }
})

test('the key is taken from the header, the query or as a bearer token', async () => {
  const { key } = server
  const none = { 'x-goog-api-key': undefined }
  const status = async (path: string, headers: Record<string, string | undefined>) =>
    (await client.get(`/v1beta${path}`, headers)).status
  assert.equal(await status('/files', {}), 200)
  assert.equal(await status(`/files?key=${key}`, none), 200)
  assert.equal(await status('/files', { ...none, authorization: `Bearer ${key}` }), 200)
  const invalid = {
    error: {
      code: 400,
      message: 'API key not valid. Please pass a valid API key.',
      status: 'INVALID_ARGUMENT',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'API_KEY_INVALID',
          domain: 'googleapis.com',
        },
      ],
    },
  }
  const wrong: readonly (readonly [string, Record<string, string | undefined>])[] = [
    ['/files', { 'x-goog-api-key': 'ek_wrong' }],
    ['/files?key=ek_wrong', none],
    ['/files', { ...none, authorization: 'Bearer ek_wrong' }],
    // The vendor's own place counts before the others.
    [`/files?key=${key}`, { 'x-goog-api-key': 'ek_wrong' }],
  ]
  for (const [path, headers] of wrong) {
    const answer = await client.get<Failed>(`/v1beta${path}`, headers)
    assert.deepEqual([answer.status, answer.body], [400, invalid])
  }
  const without = await client.get<Failed>('/v1beta/files', none)
  const message = "Method doesn't allow unregistered callers."
  assert.deepEqual(without.body, { error: { code: 403, message, status: 'PERMISSION_DENIED' } })
})

test('a key without a scope is refused', async () => {
  const reader = new GeminiClient(server, await server.newKey({ scopes: ['files:read'] }))
  const { name } = await client.stored()
  assert.equal((await reader.get(`/v1/${name}`)).status, 200)
  for (const refused of [await reader.start(), await reader.send<Failed>('DELETE', `/v1/${name}`)])
    assert.deepEqual([refused.status, refused.body.error.status], [403, 'PERMISSION_DENIED'])
})

test('files without bytes and files of Google Cloud Storage are refused', async () => {
  const bodies = ['{"file":{"displayName":"x"}}', '{}']
  for (const version of versions)
    for (const path of [`/${version}/files`, `/${version}/files:register`, `/${version}/files%3Aregister`])
      for (const body of bodies) {
        const answer = await client.send<Failed>('POST', path, body)
        assert.deepEqual([answer.status, answer.body.error.status], [400, 'INVALID_ARGUMENT'], path)
      }
})

test("neighbours of the files are unknown, in the vendor's form", async () => {
  const unknown = { error: { code: 404, message: 'Requested entity was not found.', status: 'NOT_FOUND' } }
  const neighbours = [
    ['PUT', '/upload/v1/environments/e/files/a.txt'],
    ['POST', '/upload/v1beta/fileSearchStores/s:uploadToFileSearchStore'],
    ['GET', '/v1beta/models'],
    ['POST', '/v1beta/models/gemini-3-pro:generateContent'],
    ['GET', '/v1beta/'],
  ] as const
  for (const [method, path] of neighbours) {
    const answer = await client.send<Failed>(method, path, method === 'GET' ? undefined : '{}')
    assert.deepEqual([answer.status, answer.body], [404, unknown], path)
  }
  const wrongMethod = await client.send<Failed>('PATCH', '/v1/files/x', '{}')
  assert.deepEqual([wrongMethod.status, wrongMethod.body.error.status], [405, 'UNIMPLEMENTED'])
})

test('files of other dialects are there, too', async () => {
  const field = new LightfieldClient(server)
  const { id } = await field.stored()
  const shown = (await client.get(`/v1/files/${id}`)).body
  assert.equal(shown.displayName, 'notes.txt')
  assert.equal(shown.expirationTime, undefined)
  assert.equal(await client.content(shown.name), 'hello')
  const { name } = await client.stored('hello', { displayName: 'mine.txt' })
  const seen = await field.send<{ filename: string; mimeType: string }>(
    'GET',
    `/v1/files/${encodeURIComponent(name)}`,
  )
  assert.deepEqual([seen.body.filename, seen.body.mimeType], ['mine.txt', 'text/plain'])
})

test('a page on another origin may do it all', async () => {
  const preflight = await fetch(`${server.url}/upload/v1beta/files`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,x-goog-api-key,x-goog-upload-command',
    },
  })
  assert.equal(preflight.status, 204)
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*')
  const url = await client.started(5)
  const { headers } = await command(url, 'upload, finalize', 'hello', 0, { origin: 'https://app.example' })
  assert.equal(headers.get('access-control-expose-headers'), '*')
})

test('where the key is strict, uploads cannot be downloaded and the sizes are those of the vendor', async () => {
  const strict = new GeminiClient(server, await server.newKey({ fidelity: 'strict' }))
  const file = await strict.stored()
  assert.equal(file.downloadUri, undefined)
  assert.equal((await strict.get(`/v1/${file.name}`)).body.downloadUri, undefined)
  const refused = await strict.get<Failed>(`/v1/${file.name}:download?alt=media`)
  assert.deepEqual(refused.body, {
    error: { code: 400, message: `File ${file.name} is not downloadable.`, status: 'FAILED_PRECONDITION' },
  })
  const tooLarge = await strict.start({ sizeBytes: String(2 ** 31 + 1) })
  assert.deepEqual(tooLarge.body, {
    error: { code: 413, message: 'File exceeds 2 GB.', status: 'INVALID_ARGUMENT' },
  })
  assert.equal((await client.start({ sizeBytes: String(2 ** 31 + 1) })).status, 200)
  const urls: string[] = []
  for (let count = 0; count < 8; count++) urls.push(await strict.started(2 ** 31))
  const beyond = await strict.start({ sizeBytes: String(2 ** 31) })
  assert.deepEqual([beyond.status, beyond.body.error.status], [429, 'RESOURCE_EXHAUSTED'])
  for (const url of urls) await command(url, 'cancel')
})

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { hashSecret } from '../src/core/access/admit.ts'
import { StoreError } from '../src/core/errors.ts'
import { MAX_LINKS_PER_FILE } from '../src/core/links/file-links.ts'
import { GeminiClient } from './gemini-client.ts'
import { TestServer } from './harness.ts'
import { type CreatedFile, LightfieldClient, VERSION } from './lightfield-client.ts'
import { BOUNDARY, filePart, formOf, LlamaCloudClient, purposePart, urlOf } from './llamacloud-client.ts'
import { OpenAIClient } from './openai-client.ts'
import { Contract, type ContractAnswer } from './openapi-contract.ts'
import { sendRaw } from './raw-http.ts'
import { setQuota } from './usage.ts'
import { base64Of, YandexRest } from './yandex-rest.ts'

const MAX_FILE_BYTES = 1000
/** A file's id in any dialect's form. */
const ID =
  /((?<=files\/)[\da-f]{32}|(file-|upload_)[\da-f]{32}|fil_\w{25}|fvt\w{26}|(dfl-)?[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12})/
const UNKNOWN = '01890000-0000-7000-8000-0000000000ff'
const LIGHTFIELD = '/lightfield/v1/files'
const BETA = '/llamacloud/api/v1/beta/files'
const FIRST = '/llamacloud/api/v1/files'
const YANDEX = '/yandex/files/v1/files'
const ANTHROPIC = '/anthropic/v1/files'
const GEMINI = '/gemini/v1/files'
const MISTRAL = '/mistral/v1/files'
const OPENAI = '/openai/v1'
const ADMIN = '/admin/v1/files'

/** Files that are fetched, as large as their address says. */
const source = createServer(({ url }, response) => response.end('x'.repeat(Number(url?.slice(1)))))
const sourceUrl = (bytes = 5) => `http://127.0.0.1:${(source.address() as AddressInfo).port}/${bytes}`

let server: TestServer
let contract: Contract
let field: LightfieldClient
let llama: LlamaCloudClient
let openai: OpenAIClient
let gemini: GeminiClient
/** A stored file; every dialect knows it by its UUID. */
let id: string

before(async () => {
  source.listen(0, '127.0.0.1')
  await once(source, 'listening')
  server = await TestServer.start({
    ENTREPOT_LLAMACLOUD_MAX_FILE_BYTES: String(MAX_FILE_BYTES),
    ENTREPOT_ANTHROPIC_MAX_FILE_BYTES: String(MAX_FILE_BYTES),
    ENTREPOT_GEMINI_MAX_FILE_BYTES: String(MAX_FILE_BYTES),
    ENTREPOT_MISTRAL_MAX_FILE_BYTES: String(MAX_FILE_BYTES),
    ENTREPOT_OPENAI_MAX_FILE_BYTES: String(MAX_FILE_BYTES),
    ENTREPOT_LLAMACLOUD_UPLOAD_FROM_URL: 'on',
    ENTREPOT_LLAMACLOUD_UPLOAD_FROM_URL_ALLOWED_HOSTS: new URL(sourceUrl()).host,
  })
  contract = await Contract.of(server.url)
  field = new LightfieldClient(server)
  llama = new LlamaCloudClient(server)
  openai = new OpenAIClient(server)
  gemini = new GeminiClient(server)
  id = (await llama.stored()).id.slice('dfl-'.length)
})
after(async () => {
  source.close()
  await server.stop()
})

interface Sent {
  readonly method: string
  readonly target: string
  /** A stream does not announce its length. */
  readonly body?: string | Uint8Array | ReadableStream
  /** Replaces what is sent by default; undefined leaves it out. */
  readonly headers?: Readonly<Record<string, string | undefined>>
}

const json = (method: string, target: string, body: object): Sent => ({
  method,
  target,
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})
const get = (target: string): Sent => ({ method: 'GET', target })
const remove = (target: string): Sent => ({ method: 'DELETE', target })
const form = (target: string, part: string, bytes = 5): Sent => ({
  method: 'POST',
  target,
  body: formOf([purposePart('user_data'), { ...filePart('x'.repeat(bytes)), name: part }]),
  headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
})
const partForm = (id: string): Sent => ({
  method: 'POST',
  target: `${OPENAI}/uploads/${id}/parts`,
  body: formOf([{ ...filePart('hello'), name: 'data' }]),
  headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
})
const fetched = (url: string): Sent => json('PUT', `${FIRST}/upload_from_url`, { url })
const upload = ({ uploadUrl, uploadHeaders }: CreatedFile, body = 'hello'): Sent => ({
  method: 'PUT',
  target: new URL(uploadUrl).pathname,
  body,
  headers: { authorization: undefined, ...uploadHeaders },
})

const started = (file: object): Sent => json('POST', '/gemini/upload/v1/files', { file })
const geminiDownload = async (headers: Sent['headers'] = {}): Promise<Sent> => ({
  ...get(`/gemini/v1/${(await gemini.stored()).name}:download?alt=media`),
  headers,
})

const TUS = { 'tus-resumable': '1.0.0' }
const BYTES = { ...TUS, 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }
const creation = (headers: Sent['headers'] = { 'upload-length': '5' }): Sent => ({
  method: 'POST',
  target: '/tus/',
  headers: { ...TUS, ...headers },
})
/** A request on the link of a new upload by tus. */
async function onLink(method: string, headers: Sent['headers'], body?: string): Promise<Sent> {
  const made = await fetch(`${server.url}/tus`, {
    method: 'POST',
    headers: { ...TUS, 'upload-defer-length': '1', authorization: `Bearer ${server.key}` },
  })
  const target = new URL(made.headers.get('location') ?? '').pathname
  return {
    method,
    target,
    ...(body === undefined ? {} : { body }),
    headers: { authorization: undefined, ...headers },
  }
}

/** One good request of every operation there is, made when it is needed, since some can be sent only once. */
const good: Readonly<Record<string, () => Sent | Promise<Sent>>> = {
  'file.create': () => json('POST', LIGHTFIELD, { filename: 'a.txt', mimeType: 'text/plain', sizeBytes: 5 }),
  'file.list': () => get(`${LIGHTFIELD}?limit=2&offset=0`),
  'file.retrieve': () => get(`${LIGHTFIELD}/${id}`),
  'file.complete': async () => json('POST', `${LIGHTFIELD}/${(await field.staged()).id}/complete`, {}),
  'file.cancel': async () => json('POST', `${LIGHTFIELD}/${(await field.pending()).id}/cancel`, {}),
  'file.url': () => get(`${LIGHTFIELD}/${id}/url`),
  'auth.validate': () => get('/lightfield/v1/auth/validate'),
  'files.create': () => form(BETA, 'file'),
  'files.list': () => get(`${BETA}?page_size=2&expand=download_url`),
  'files.query': () => json('POST', `${BETA}/query`, { page_size: 2 }),
  'files.retrieve': () => get(`${BETA}/${id}`),
  'files.content': () => get(`${BETA}/${id}/content`),
  'files.delete': async () => remove(`${BETA}/${(await llama.stored()).id}`),
  'projects.list': () => get('/llamacloud/api/v1/projects'),
  'session.start': () => json('POST', '/llamacloud/session', { api_key: server.key }),
  'session.end': () => remove('/llamacloud/session'),
  'admin.sign-in': () => get('/admin/v1/sign-in'),
  'admin.me': () => get('/admin/v1/me'),
  'admin.sessions.start': () => json('POST', '/admin/v1/sessions', { key: server.key }),
  'admin.sessions.list': () => get('/admin/v1/sessions?limit=2'),
  'admin.sessions.end': async () => remove(`/admin/v1/sessions/${await sessionId()}`),
  'admin.sessions.end-current': () => remove('/admin/v1/sessions/current'),
  'v1.upload_file': () => form(FIRST, 'upload_file'),
  'v1.generate_presigned_url': () => json('PUT', FIRST, { name: 'a.txt' }),
  'v1.create_presigned_url': () => json('POST', `${FIRST}/presigned-url`, { name: 'a.txt', file_size: 5 }),
  'v1.upload_file_from_url': () => fetched(sourceUrl()),
  'v1.list_files': () => get(FIRST),
  'v1.sync_files': () => ({ method: 'PUT', target: `${FIRST}/sync` }),
  'v1.get_file': () => get(`${FIRST}/${id}`),
  'v1.read_file_content': () => get(`${FIRST}/${id}/content`),
  'v1.delete_file': async () => remove(`${FIRST}/${(await llama.stored()).id}`),
  'mistral.upload': () => form(MISTRAL, 'file'),
  'mistral.list': () => get(`${MISTRAL}?page_size=2&sample_type=ocr_input`),
  'mistral.retrieve': () => get(`${MISTRAL}/${id}`),
  'mistral.delete': async () => remove(`${MISTRAL}/${(await llama.stored()).id}`),
  'mistral.download': () => get(`${MISTRAL}/${id}/content`),
  'mistral.get_signed_url': () => get(`${MISTRAL}/${id}/url?expiry=1`),
  'File.Create': () => json('POST', YANDEX, { folderId: 'default', content: base64Of('hello') }),
  'File.List': () => get(`${YANDEX}?folderId=default&pageSize=2`),
  'File.GetUrl': () => get(`${YANDEX}:getUrl?fileId=${id}`),
  'File.Get': () => get(`${YANDEX}/${id}`),
  'File.Update': () => json('PATCH', `${YANDEX}/${id}`, { updateMask: 'description', description: 'x' }),
  'File.Delete': async () => remove(`${YANDEX}/${(await new YandexRest(server).stored()).id}`),
  UploadFileV1FilesPost: () => form(ANTHROPIC, 'file'),
  ListFilesV1FilesGet: () => get(`${ANTHROPIC}?limit=2`),
  GetFileMetadataV1FilesFileIdGet: () => get(`${ANTHROPIC}/${id}`),
  DownloadFileV1FilesFileIdContentGet: () => get(`${ANTHROPIC}/${id}/content`),
  DeleteFileV1FilesFileIdDelete: async () => remove(`${ANTHROPIC}/${(await llama.stored()).id}`),
  'ApiEndpoint.List': () => get('/yandex/endpoints'),
  'ApiEndpoint.Get': () => get('/yandex/endpoints/ai-files'),
  createFile: () => form(`${OPENAI}/files`, 'file'),
  listFiles: () => get(`${OPENAI}/files?limit=2&order=asc`),
  retrieveFile: () => get(`${OPENAI}/files/${id}`),
  downloadFile: () => get(`${OPENAI}/files/${id}/content`),
  deleteFile: async () => remove(`${OPENAI}/files/${(await openai.stored()).id}`),
  createUpload: () =>
    json('POST', `${OPENAI}/uploads`, {
      ...{ bytes: 5, filename: 'a.txt', mime_type: 'text/plain', purpose: 'user_data' },
    }),
  addUploadPart: async () => partForm((await openai.upload(5)).id),
  completeUpload: async () => {
    const { id } = await openai.upload(5)
    return json('POST', `${OPENAI}/uploads/${id}/complete`, { part_ids: [await openai.part(id, 'hello')] })
  },
  cancelUpload: async () => ({
    method: 'POST',
    target: `${OPENAI}/uploads/${(await openai.upload(5)).id}/cancel`,
  }),
  'admin.files.list': () => get(`${ADMIN}?limit=2&name=a`),
  'admin.files.get': () => get(`${ADMIN}/${id}`),
  'admin.files.content': () => get(`${ADMIN}/${id}/content`),
  'admin.files.update': () => json('PATCH', `${ADMIN}/${id}`, { description: 'x' }),
  'admin.files.copy': () => json('POST', `${ADMIN}/${id}/copies`, { project: 'default' }),
  'admin.organizations.list': () => get('/admin/v1/organizations?limit=2'),
  'admin.organizations.get': async () =>
    get(`/admin/v1/organizations/${(await server.app.services.metadata.findOrganization('default'))?.id}`),
  'admin.organizations.create': () => json('POST', '/admin/v1/organizations', { slug: newSlug() }),
  'admin.projects.list': () => get('/admin/v1/projects?limit=2'),
  'admin.projects.create': () => json('POST', '/admin/v1/projects', { slug: newSlug() }),
  'admin.keys.list': () => get('/admin/v1/keys?limit=2'),
  'admin.keys.create': () => json('POST', '/admin/v1/keys', { name: 'made', scopes: ['files:create'] }),
  'admin.keys.get': async () => get(`/admin/v1/keys/${await newKeyId()}`),
  'admin.keys.revoke': async () => remove(`/admin/v1/keys/${await newKeyId()}`),
  'admin.quotas.list': () => get('/admin/v1/quotas?limit=2'),
  'admin.quotas.setOrganization': async () =>
    bound('organizations', (await server.newTenant(newSlug())).organization.id),
  'admin.quotas.setProject': async () => bound('projects', (await server.newTenant(newSlug())).project.id),
  'admin.jobs.list': () => get('/admin/v1/jobs'),
  'admin.settings.list': () => get('/admin/v1/settings'),
  'admin.health.get': () => get('/admin/v1/health'),
  'admin.tail.watch': () => get('/admin/v1/tail'),
  'admin.usage.get': () => get('/admin/v1/usage?step=day'),
  'admin.files.delete': async () => remove(`${ADMIN}/${(await llama.stored()).id}`),
  'admin.uploads.list': () => get('/admin/v1/uploads?limit=2'),
  'admin.files.dialects': () => get(`${ADMIN}/${id}/dialects`),
  'admin.files.links.create': () => linkOf(id),
  'admin.files.links.list': () => get(`${ADMIN}/${id}/links`),
  'admin.files.links.delete': async () => {
    const { text } = await answerTo(linkOf(id))
    const { id: link } = JSON.parse(text)
    return remove(`${ADMIN}/${id}/links/${link}`)
  },
  'admin.files.deleteMany': async () =>
    json('POST', `${ADMIN}:delete`, { ids: [(await llama.stored()).id, 'x'] }),
  'generativelanguage.media.upload': () => started({ sizeBytes: '5' }),
  'generativelanguage.files.list': () => get(`${GEMINI}?pageSize=2`),
  'generativelanguage.files.get': async () => get(`/gemini/v1/${(await gemini.stored()).name}`),
  'generativelanguage.files.download': () => geminiDownload(),
  'generativelanguage.files.delete': async () => remove(`/gemini/v1/${(await gemini.stored()).name}`),
  'link.upload': async () => upload(await field.pending()),
  'link.append': () => onLink('PATCH', BYTES, 'hello'),
  'link.end': () => onLink('DELETE', TUS),
  'tus.create': () => creation(),
  'link.download': async () => get(addressOf(urlOf(await llama.stored()).url)),
}

const newSlug = () => `tenant-${randomUUID().slice(0, 8)}`
const bound = (of: string, id: string): Sent =>
  json('PUT', `/admin/v1/quotas/${of}/${id}`, { files: null, bytes: null })

async function newKeyId(): Promise<string> {
  const secret = await server.newKey({ role: 'member' })
  return (await server.app.services.metadata.findKey(hashSecret(secret)))?.id ?? ''
}

/** Asked with the key of a member. */
async function asMember(sent: Sent | undefined): Promise<Sent> {
  const authorization = `Bearer ${await server.newKey({ role: 'member' })}`
  return { method: '', target: '', ...sent, headers: { ...sent?.headers, authorization } }
}

/** Sends a request and holds its answer against the documents. */
async function answerTo({ method, target, body, headers }: Sent): Promise<ContractAnswer> {
  const all = { authorization: `Bearer ${server.key}`, 'lightfield-version': VERSION, ...headers }
  const sent = Object.entries(all).filter(([, value]) => value !== undefined) as [string, string][]
  const init = { method, headers: sent, body: body ?? null, duplex: 'half' } as const
  const answer = await fetch(server.url + target, init)
  const type = answer.headers.get('content-type')
  // Events have no end.
  if (type?.startsWith('text/event-stream')) {
    await answer.body?.cancel()
    return { status: answer.status, type, text: '""' }
  }
  return { status: answer.status, type, text: await answer.text() }
}

async function ask(sent: Sent): Promise<number> {
  const answer = await answerTo(sent)
  contract.check(sent.method, sent.target, answer)
  return answer.status
}

/** The same request in raw text, with more lines in its head. */
async function askRaw({ method, target, headers }: Sent, ...lines: readonly string[]): Promise<number> {
  const all = { authorization: `Bearer ${server.key}`, 'lightfield-version': VERSION, ...headers }
  const fields = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  )
  const head = [`${method} ${target} HTTP/1.1`, 'host: a', 'connection: close', ...fields, ...lines]
  const { status, headers: answered, body } = await sendRaw(server.url, `${head.join('\r\n')}\r\n\r\n`)
  contract.check(method, target, { status, type: answered.get('content-type'), text: body })
  return status
}

test('every operation that is described is asked here, and answers as it says', async () => {
  assert.deepEqual([...contract.promised.keys()].sort(), Object.keys(good).sort())
  for (const [operation, make] of Object.entries(good)) {
    const sent = await make()
    const answer = await answerTo(sent)
    assert.ok(answer.status < 300, `${operation}: ${answer.status} ${answer.text}`)
    assert.equal(contract.check(sent.method, sent.target, answer), operation)
  }
})

/** What may be wrong with any request. */
const spoiled: Readonly<Record<string, (sent: Sent) => Promise<number>>> = {
  'no key': (sent) => ask({ ...sent, headers: { ...sent.headers, authorization: undefined } }),
  'two Host headers': (sent) => askRaw(sent, 'host: b'),
  'an expectation': (sent) => askRaw(sent, 'expect: the-worst'),
  'a transfer coding': (sent) => askRaw(sent, 'transfer-encoding: gzip, chunked', '', '0'),
  'no such version': (sent) =>
    ask({ ...sent, headers: { ...sent.headers, 'lightfield-version': '1999-01-01' } }),
  'an unknown file': (sent) => ask({ ...sent, target: sent.target.replace(ID, UNKNOWN) }),
  'an id that is none': (sent) => ask({ ...sent, target: sent.target.replace(ID, 'x') }),
  'a state that is over': (sent) => ask({ ...sent, headers: { ...sent.headers, 'if-match': '"x"' } }),
  'an unknown project': (sent) =>
    ask({ ...sent, target: `${sent.target.split('?')[0]}?project_id=x&folderId=x` }),
  'a parameter twice': (sent) =>
    ask({ ...sent, target: `${sent.target.split('?')[0]}?project_id=a&project_id=b` }),
  'a page that is none': (sent) =>
    ask({ ...sent, target: `${sent.target.split('?')[0]}?page_size=x&limit=x&pageSize=x` }),
}

/** What may be wrong with a body. */
const bodies: Readonly<Record<string, (sent: Sent) => Promise<number>>> = {
  'a coded body': (sent) => askRaw(sent, 'content-encoding: gzip', 'content-length: 5', '', 'hello'),
  'a body of text': (sent) =>
    ask({ ...sent, body: 'x', headers: { ...sent.headers, 'content-type': 'text/plain' } }),
  'a broken body': (sent) =>
    ask({ ...sent, body: '{', headers: { 'content-type': 'application/json', ...sent.headers } }),
  'an empty form': (sent) => ask({ ...form(sent.target, 'none'), method: sent.method }),
  'fields of other types': (sent) =>
    ask(json(sent.method, sent.target, { page_size: 'x', filename: 7, updateMask: 7 })),
  'an empty object': (sent) => ask(json(sent.method, sent.target, {})),
  'an unknown field': (sent) => ask(json(sent.method, sent.target, { unknown: 1 })),
  'a huge body': (sent) => ask(json(sent.method, sent.target, { filename: 'x'.repeat(2 * 1024 * 1024) })),
}

for (const [what, send] of Object.entries({ ...spoiled, ...bodies })) {
  test(`every operation that is asked with ${what} answers as it says`, async () => {
    for (const make of Object.values(good)) {
      const sent = await make()
      if (!(what in bodies) || sent.method !== 'GET') await send(sent)
    }
  })
}

test('every operation that is asked with a key that may not answers as it says', async () => {
  for (const scope of ['files:create', 'files:read'] as const) {
    const authorization = `Bearer ${await server.newKey({ scopes: [scope] })}`
    for (const make of Object.values(good)) {
      const { headers, ...sent } = await make()
      if (headers && 'authorization' in headers) continue
      await ask({ ...sent, headers: { ...headers, authorization } })
    }
  }
})

/** One of each, ready to be sent; and with the cookie in place of the key. */
async function allGood(): Promise<readonly Sent[]> {
  const keyed = await Promise.all(Object.values(good).map((make) => make()))
  const cookie = { cookie: await sessionCookie(), origin: server.url, authorization: undefined }
  return keyed.flatMap((sent) => [sent, { ...sent, headers: { ...sent.headers, ...cookie } }])
}

async function sessionId(): Promise<string> {
  const answer = await fetch(`${server.url}/admin/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key: server.key }),
  })
  return ((await answer.json()) as { session: { id: string } }).session.id
}

async function sessionCookie(): Promise<string> {
  const headers = { authorization: `Bearer ${server.key}` }
  const { headers: answered } = await fetch(`${server.url}/session`, { method: 'POST', headers })
  return answered.get('set-cookie')?.split(';')[0] ?? ''
}

for (const code of ['unavailable', 'timeout', 'refused'] as const) {
  test(`every operation answers as it says when the store is ${code}`, async (t) => {
    const requests = await allGood()
    const { services } = server.app
    const fail = () => {
      throw new StoreError(code, 'for the log')
    }
    for (const name of ['commit', 'findFile', 'findKey', 'findSession'] as const)
      t.mock.method(services.metadata, name, async () => fail())
    // What asks no store can fail by a fault of ours.
    if (code === 'refused') t.mock.property(services.addresses, 'publicUrl', 'no URL')
    for (const sent of requests) await ask(sent)
  })
}

test('every operation answers as it says when the disk is full', async (t) => {
  const requests = await allGood()
  t.mock.method(server.app.services.metadata, 'commit', async () => {
    throw new StoreError('full', 'for the log')
  })
  for (const sent of requests) await ask(sent)
})

test('every operation answers as it says beyond the rate limit', async (t) => {
  const requests = await allGood()
  const refusal = { limit: 1, remaining: 0, admitted: false, retryAfterSeconds: 1, fullInMs: 1000 }
  t.mock.method(server.app.services.rates, 'take', () => refusal)
  for (const sent of requests) await ask(sent)
})

test('every operation answers as it says beyond the quota', async (t) => {
  const requests = [...(await allGood()), await openUpload('hello')]
  await setQuota(server, 'organization', { files: 0, bytes: 0 })
  t.after(() => setQuota(server, 'organization', {}))
  for (const sent of requests) await ask(sent)
})

/** A PUT of a size that nobody announced. */
async function openUpload(body: string): Promise<Sent> {
  const json = { 'content-type': 'application/json' }
  const { body: made } = await llama.send<{ url: string }>('PUT', '/api/v1/files', '{"name":"a.txt"}', json)
  return { method: 'PUT', target: new URL(made.url).pathname, body }
}

const WRONG = { 'upload-checksum': `sha1 ${Buffer.alloc(20).toString('base64')}` }

/** Members are refused these. */
const ofAdmins = [
  ...['organizations.list', 'organizations.get', 'organizations.create', 'projects.create'],
  ...['keys.list', 'keys.create', 'keys.get', 'keys.revoke'],
  ...['quotas.list', 'quotas.setOrganization', 'quotas.setProject'],
].map((name) => `admin.${name}`)

/** What only one operation answers, and a request that brings it about. */
const special: readonly (readonly [operation: string, status: number, make: () => Sent | Promise<Sent>])[] = [
  [
    'file.create',
    422,
    () =>
      json('POST', LIGHTFIELD, {
        filename: 'a.txt',
        mimeType: 'image/png',
        sizeBytes: 5,
        purpose: 'meeting_transcript',
      }),
  ],
  [
    'file.complete',
    422,
    async () => json('POST', `${LIGHTFIELD}/${(await field.pending()).id}/complete`, {}),
  ],
  [
    'file.complete',
    409,
    async () => json('POST', `${LIGHTFIELD}/${(await field.cancelled()).id}/complete`, {}),
  ],
  ['file.cancel', 409, () => json('POST', `${LIGHTFIELD}/${id}/cancel`, {})],
  ['file.url', 409, async () => get(`${LIGHTFIELD}/${(await field.pending()).id}/url`)],
  ['files.create', 413, () => form(BETA, 'file', MAX_FILE_BYTES + 1)],
  ['v1.upload_file', 413, () => form(FIRST, 'upload_file', MAX_FILE_BYTES + 1)],
  ['v1.upload_file_from_url', 413, () => fetched(sourceUrl(MAX_FILE_BYTES + 1))],
  ['v1.generate_presigned_url', 413, () => json('PUT', FIRST, { name: 'a', file_size: MAX_FILE_BYTES + 1 })],
  [
    'session.start',
    401,
    () => ({
      ...json('POST', '/llamacloud/session', { api_key: 'x' }),
      headers: { authorization: undefined, 'content-type': 'application/json' },
    }),
  ],
  [
    'session.start',
    403,
    () => ({
      ...json('POST', '/llamacloud/session', {}),
      headers: { origin: 'https://app.example', 'content-type': 'application/json' },
    }),
  ],
  ['session.end', 403, () => ({ ...remove('/llamacloud/session'), headers: { cookie: 'session=x' } })],
  ['admin.sessions.start', 401, () => ({ ...json('POST', '/admin/v1/sessions', { key: 'x' }) })],
  [
    'admin.sessions.start',
    403,
    () => ({
      ...json('POST', '/admin/v1/sessions', { key: 'x' }),
      headers: { origin: 'https://app.example', 'content-type': 'application/json' },
    }),
  ],
  [
    'admin.sessions.end-current',
    403,
    () => ({ ...remove('/admin/v1/sessions/current'), headers: { cookie: 'session=x' } }),
  ],
  [
    'admin.sessions.end',
    403,
    async () => ({
      ...remove(`/admin/v1/sessions/${await sessionId()}`),
      headers: { authorization: undefined, cookie: await sessionCookie() },
    }),
  ],
  [
    'generativelanguage.media.upload',
    409,
    async () => {
      await gemini.stored('hello', { name: 'taken' })
      return started({ name: 'taken' })
    },
  ],
  ['generativelanguage.media.upload', 413, () => started({ sizeBytes: MAX_FILE_BYTES + 1 })],
  ['generativelanguage.files.download', 206, () => geminiDownload({ range: 'bytes=0-1' })],
  ['generativelanguage.files.download', 304, () => geminiDownload({ 'if-none-match': '*' })],
  ['generativelanguage.files.download', 412, () => geminiDownload({ 'if-match': '"x"' })],
  ['generativelanguage.files.download', 416, () => geminiDownload({ range: 'bytes=99-' })],
  ['mistral.upload', 413, () => form(MISTRAL, 'file', MAX_FILE_BYTES + 1)],
  ['mistral.download', 206, () => content(MISTRAL, { range: 'bytes=0-1' })],
  ['mistral.download', 304, () => content(MISTRAL, { 'if-none-match': '*' })],
  ['mistral.download', 412, () => content(MISTRAL, { 'if-match': '"x"' })],
  ['mistral.download', 416, () => content(MISTRAL, { range: 'bytes=99-' })],
  [
    'admin.tail.watch',
    403,
    async () => {
      const authorization = `Bearer ${await server.newKey({ role: 'member' })}`
      return { ...get('/admin/v1/tail'), headers: { authorization } }
    },
  ],
  ...ofAdmins.map((name) => [name, 403, async () => asMember(await good[name]?.())] as const),
  ['admin.projects.list', 403, () => asMember(get('/admin/v1/projects?organization=*'))],
  ...(['organizations', 'projects'] as const).map(
    (of) => [`admin.${of}.create`, 409, () => json('POST', `/admin/v1/${of}`, { slug: 'default' })] as const,
  ),
  ['admin.files.content', 206, () => content(ADMIN, { range: 'bytes=0-1' })],
  ['admin.files.content', 304, () => content(ADMIN, { 'if-none-match': '*' })],
  ['admin.files.content', 412, () => content(ADMIN, { 'if-match': '"x"' })],
  ['admin.files.content', 416, () => content(ADMIN, { range: 'bytes=99-' })],
  [
    'admin.files.links.create',
    409,
    async () => {
      const { id } = await llama.stored()
      for (let made = 0; made < MAX_LINKS_PER_FILE; made++) await answerTo(linkOf(id))
      return linkOf(id)
    },
  ],
  ['ApiEndpoint.Get', 404, () => get('/yandex/endpoints/x')],
  ['UploadFileV1FilesPost', 413, () => form(ANTHROPIC, 'file', MAX_FILE_BYTES + 1)],
  ['DownloadFileV1FilesFileIdContentGet', 206, () => content(ANTHROPIC, { range: 'bytes=0-1' })],
  ['DownloadFileV1FilesFileIdContentGet', 304, () => content(ANTHROPIC, { 'if-none-match': '*' })],
  ['DownloadFileV1FilesFileIdContentGet', 412, () => content(ANTHROPIC, { 'if-match': '"x"' })],
  ['DownloadFileV1FilesFileIdContentGet', 416, () => content(ANTHROPIC, { range: 'bytes=99-' })],
  ['createFile', 413, () => form(`${OPENAI}/files`, 'file', MAX_FILE_BYTES + 1)],
  [
    'addUploadPart',
    413,
    async () => {
      const other = { ...filePart('x'.repeat(66 * 1024 * 1024)), name: 'other' }
      return {
        ...partForm((await openai.upload(5)).id),
        body: new Blob([new Uint8Array(formOf([other]))]).stream(),
      }
    },
  ],
  ['downloadFile', 206, () => content(`${OPENAI}/files`, { range: 'bytes=0-1' })],
  ['downloadFile', 304, () => content(`${OPENAI}/files`, { 'if-none-match': '*' })],
  ['downloadFile', 412, () => content(`${OPENAI}/files`, { 'if-match': '"x"' })],
  ['downloadFile', 416, () => content(`${OPENAI}/files`, { range: 'bytes=99-' })],
  ['link.upload', 400, async () => upload(await field.pending(), 'four')],
  ['link.upload', 403, () => ({ method: 'PUT', target: '/transfer/x', body: 'hello' })],
  [
    'link.upload',
    412,
    async () => {
      const sent = upload(await field.staged('hello', { purpose: 'knowledge_user' }))
      return { ...sent, headers: { ...sent.headers, 'if-none-match': '*' } }
    },
  ],
  ['link.upload', 413, () => openUpload('x'.repeat(MAX_FILE_BYTES + 1))],
  ['tus.create', 412, () => creation({ 'tus-resumable': '0.2.2', 'upload-length': '5' })],
  ['tus.create', 413, () => creation({ 'upload-length': String(2 ** 50) })],
  ['tus.create', 460, () => ({ ...creation({ ...BYTES, 'upload-length': '5', ...WRONG }), body: 'hello' })],
  ['link.append', 403, () => ({ method: 'PATCH', target: '/transfer/x', headers: BYTES, body: 'hello' })],
  ['link.append', 409, () => onLink('PATCH', { ...BYTES, 'upload-offset': '1' }, 'hello')],
  [
    'link.append',
    410,
    async () => ({ ...(await onEnded()), method: 'PATCH', headers: BYTES, body: 'hello' }),
  ],
  ['link.append', 412, () => onLink('PATCH', { ...BYTES, 'tus-resumable': '0.2.2' }, 'hello')],
  ['link.append', 413, () => onLink('PATCH', { ...BYTES, 'upload-length': '4' }, 'hello')],
  ['link.append', 460, () => onLink('PATCH', { ...BYTES, ...WRONG }, 'hello')],
  ['link.end', 403, () => ({ method: 'DELETE', target: '/transfer/x', headers: TUS })],
  ['link.end', 410, onEnded],
  ['link.end', 412, () => onLink('DELETE', { 'tus-resumable': '0.2.2' })],
  ['link.download', 403, () => get('/transfer/x')],
  ['link.download', 206, () => download({ range: 'bytes=0-1' })],
  ['link.download', 304, () => download({ 'if-none-match': '*' })],
  ['link.download', 412, () => download({ 'if-match': '"x"' })],
  ['link.download', 416, () => download({ range: 'bytes=99-' })],
  [
    'link.download',
    404,
    async () => {
      const file = await llama.stored()
      await llama.delete(file.id)
      return get(addressOf(urlOf(file).url))
    },
  ],
]

/** @param of the path of the files of a dialect */
function content(of: string, headers: Readonly<Record<string, string>>): Sent {
  return { ...get(`${of}/${id}/content`), headers }
}

function linkOf(id: string): Sent {
  return json('POST', `${ADMIN}/${id}/links`, { expiresInSeconds: 60 })
}

/** On the link of an upload that was ended. */
async function onEnded(): Promise<Sent> {
  const sent = await onLink('DELETE', TUS)
  assert.equal((await answerTo(sent)).status, 204)
  return sent
}

/** As it is described: the name at the end of a link is for clients, and is not. */
function addressOf(link: string): string {
  return new URL(link).pathname.split('/').slice(0, 3).join('/')
}

async function download(headers: Readonly<Record<string, string>>): Promise<Sent> {
  return { ...get(addressOf(urlOf(await llama.stored()).url)), headers }
}

for (const [operation, status, make] of special) {
  test(`${operation} answers ${status} where that is due, as it says`, async () => {
    const sent = await make()
    const answer = await answerTo(sent)
    assert.equal(answer.status, status, answer.text)
    assert.equal(contract.check(sent.method, sent.target, answer), operation)
  })
}

test('of requests with one idempotency key at the same time the later are answered as the documents say', async () => {
  for (const name of ['file.create', 'file.complete', 'file.cancel', 'admin.files.copy']) {
    const sent = (await good[name]?.()) as Sent
    const keyed = { ...sent, headers: { ...sent.headers, 'idempotency-key': name } }
    const statuses = await Promise.all(Array.from({ length: 8 }, () => ask(keyed)))
    assert.ok(statuses.includes(409), `${name}: ${statuses}`)
  }
})

/** Nothing but a body that takes half a minute brings these about. */
const ofSlowBodies = ['408', '504']
/** It tells what the start has found out, and asks nothing. */
const neverFails = ['admin.sign-in 500']

test('whatever is described was answered', () => {
  const never = [...contract.promised].flatMap(([operation, promised]) =>
    [...promised]
      .filter((status) => !contract.seen.get(operation)?.has(status) && !ofSlowBodies.includes(status))
      .map((status) => `${operation} ${status}`),
  )
  assert.deepEqual(never, neverFails)
})

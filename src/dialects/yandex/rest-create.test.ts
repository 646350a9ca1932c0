import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { assertKeeps } from '../../../test/llamacloud-client.ts'
import { setQuota } from '../../../test/usage.ts'
import {
  base64Of,
  done,
  type StatusBody,
  YANDEX_FILES,
  type YandexFile,
  YandexRest,
} from '../../../test/yandex-rest.ts'

const CONTENT = base64Of('test file')

let server: TestServer
let client: YandexRest
before(async () => {
  server = await TestServer.start()
  client = new YandexRest(server)
})
after(() => server.stop())

/** The keys of the published request and answer, in the order in which the reference prints them. */
const answerKeys = [
  'id',
  'folderId',
  'name',
  'description',
  'mimeType',
  'createdBy',
  'createdAt',
  'updatedBy',
  'updatedAt',
  'expirationConfig',
  'expiresAt',
  'labels',
]

const asPublished = {
  folderId: 'default',
  name: 'report.pdf',
  description: 'of the year',
  mimeType: 'application/pdf',
  content: CONTENT,
  labels: { team: 'a' },
  expirationConfig: { expirationPolicy: 'STATIC', ttlDays: '5' },
}

test('a body may begin with a byte order mark', async () => {
  const send = (method: string, path: string, body: object) => {
    const headers = { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' }
    return fetch(server.url + path, { method, headers, body: `\ufeff${JSON.stringify(body)}` })
  }
  const created = await send('POST', YANDEX_FILES, asPublished)
  assert.equal(created.status, 200)
  const { id } = (await created.json()) as YandexFile
  assert.equal(await client.download(id), 'test file')
  const updated = await send('PATCH', `${YANDEX_FILES}/${id}`, { name: 'b.txt', updateMask: 'name' })
  assert.equal(((await updated.json()) as YandexFile).name, 'b.txt')
})

test('a create as the reference prints it is answered as the reference prints it', async () => {
  const answer = await client.ask<Record<string, unknown>>('POST', YANDEX_FILES, asPublished)
  const { content: _, folderId: __, ...given } = asPublished
  const { id, folderId, ...told } = done(answer)
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  assert.deepEqual(Object.keys(answer.body).sort(), answerKeys.toSorted())
  assert.match(String(id), /^fvt[0-9a-v]{26}$/)
  assert.match(String(folderId), /^[0-9a-f-]{36}$/)
  assert.deepEqual(told, {
    ...given,
    createdBy: 'admin',
    createdAt: '2026-04-08T12:00:00Z',
    updatedBy: 'admin',
    updatedAt: '2026-04-08T12:00:00Z',
    expiresAt: '2026-04-13T12:00:00Z',
  })
})

test('every key may be written in either spelling, mixed and in any order, below the prefix as well', async () => {
  const pairs: readonly [camel: string, snake: string, value: unknown][] = [
    ['content', 'content', CONTENT],
    ['folderId', 'folder_id', 'default'],
    ['name', 'name', 'report.pdf'],
    ['description', 'description', 'of the year'],
    ['mimeType', 'mime_type', 'application/pdf'],
    ['labels', 'labels', { team: 'a' }],
  ]
  const expirations = [
    ['expirationConfig', { expirationPolicy: 'STATIC', ttlDays: '5' }],
    ['expirationConfig', { expiration_policy: 1, ttlDays: 5 }],
    ['expiration_config', { expirationPolicy: 1, ttl_days: 5 }],
    ['expiration_config', { expiration_policy: 'STATIC', ttl_days: '5' }],
  ] as const
  const first = await client.stored('test file', { ...asPublished, content: CONTENT })
  for (const [index, expiration] of expirations.entries()) {
    const spelled = pairs.map(([camel, snake, value], at) => [(at + index) % 2 === 0 ? camel : snake, value])
    const entries = [...spelled, expiration]
    for (const order of [entries, entries.toReversed()]) {
      const path = index % 2 === 0 ? YANDEX_FILES : `/yandex${YANDEX_FILES}`
      const { id, ...made } = done(
        await client.ask<typeof first>('POST', path, JSON.stringify(Object.fromEntries(order))),
      )
      assert.deepEqual({ ...made, id: first.id }, first)
      assert.equal(await client.download(id), 'test file')
    }
  }
})

test('snake_case answers carry the same, with every key spelled as the live host does', async () => {
  const snake = await TestServer.start({ ENTREPOT_YANDEX_REST_NAMES: 'snake' })
  const other = new YandexRest(snake)
  try {
    const made = done(await other.create<Record<string, unknown>>(asPublished))
    assert.deepEqual(
      Object.keys(made).sort(),
      answerKeys.map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)).sort(),
    )
    assert.deepEqual(made.expiration_config, { expiration_policy: 'STATIC', ttl_days: '5' })
    const listed = done(await other.list<Record<string, unknown>>())
    assert.deepEqual(Object.keys(listed).sort(), ['files', 'next_page_token'])
    assert.deepEqual(listed.files, [made])
    const { url } = done(await other.ask<{ url: string }>('GET', `${YANDEX_FILES}:getUrl?file_id=${made.id}`))
    assert.equal(await (await fetch(url)).text(), 'test file')
  } finally {
    await snake.stop()
  }
})

test('the body is JSON whatever its type is said to be', async () => {
  for (const type of [
    undefined,
    'application/json',
    'application/json; charset=utf-8',
    'application/x-www-form-urlencoded',
    'text/plain',
    'nonsense',
  ]) {
    const answer = await client.create({}, { 'content-type': type })
    assert.equal(answer.status, 200, `${type}: ${answer.text}`)
  }
})

test('what is not given is unset, null is not given, and the type is seen from the content', async () => {
  const nothing = {
    name: null,
    description: null,
    mimeType: null,
    labels: null,
    expirationConfig: null,
  }
  for (const fields of [{}, nothing]) {
    const file = await client.stored('test file', fields)
    assert.deepEqual(
      [file.name, file.description, file.labels, file.mimeType, file.expirationConfig, file.expiresAt],
      [
        '',
        '',
        {},
        'text/plain',
        { expirationPolicy: 'SINCE_LAST_ACTIVE', ttlDays: '7' },
        '2026-04-15T12:00:00Z',
      ],
    )
  }
  const png = await client.stored(Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), { name: 'a.txt' })
  assert.equal(png.mimeType, 'image/png')
})

test('base64 comes in either alphabet, padded or not, with escapes as some writers set them', async () => {
  const bytes = Buffer.from('fbeffffe3f3e', 'hex')
  const padless = Buffer.from('fbefff3e', 'hex')
  for (const [content, expected] of [
    [bytes.toString('base64'), bytes],
    [bytes.toString('base64url'), bytes],
    [padless.toString('base64'), padless],
    [padless.toString('base64').replaceAll('=', ''), padless],
  ] as const) {
    for (const escaped of [content, content.replaceAll('/', '\\/')]) {
      const body = `{"folderId":"default","content":"${escaped}"}`
      const { id } = done(await client.ask<{ id: string }>('POST', YANDEX_FILES, body))
      const download = await fetch(await client.url(id))
      assert.deepEqual(Buffer.from(await download.arrayBuffer()), expected)
    }
  }
})

const valid = { folderId: 'default', content: CONTENT }
const refused: Readonly<Record<string, readonly [body: unknown, code: number, message: RegExp]>> = {
  'no folder': [{ content: CONTENT }, 3, /^folder_id: field is required$/],
  'no content': [{ folderId: 'default' }, 3, /^content: field is required$/],
  'empty content': [{ ...valid, content: '' }, 3, /^content: field is required$/],
  'null content': [{ ...valid, content: null }, 3, /^content: field is required$/],
  'content that is no text': [{ ...valid, content: [1] }, 3, /^content: not a string$/],
  'an unknown key': [{ ...valid, bogus: 1 }, 3, /^bogus: unknown field$/],
  'a key in both spellings': [{ ...valid, folder_id: 'default' }, 3, /^folder_id: set multiple times$/],
  'a folder of others': [{ ...valid, folderId: 'other' }, 7, /^Permission denied for folder other$/],
  'a policy that is none': [{ ...valid, expirationConfig: { expirationPolicy: 'SOON' } }, 3, /policy/],
  'days that are no number': [{ ...valid, expirationConfig: { ttlDays: 'ten' } }, 3, /ttl_days/],
  'too many days': [{ ...valid, expirationConfig: { ttlDays: 366 } }, 3, /must be from 1 to 365$/],
  'a type that is none': [{ ...valid, mimeType: 'pdf' }, 3, /^mime_type: /],
  'a body that is no JSON': ['{"folderId":', 3, /JSON/],
  'a body that is a list': [[valid], 3, /JSON/],
  'no body': [undefined, 3, /JSON/],
  'text after the body': [`${JSON.stringify(valid)} x`, 3, /JSON/],
  'content twice': [`{"folderId":"default","content":"${CONTENT}","content":"${CONTENT}"}`, 3, /twice/],
}
for (const [name, [body, code, message]] of Object.entries(refused)) {
  test(`${name} is refused, and nothing is stored`, async () => {
    const before = await countOf()
    const answer = await client.ask('POST', YANDEX_FILES, body)
    assert.deepEqual([answer.status, answer.body.code], [code === 7 ? 403 : 400, code], answer.text)
    assert.match(answer.body.message, message)
    await assertKeeps(server, before)
  })
}

test('what the quota has no room for is refused, and nothing is stored', async () => {
  const before = await countOf()
  await setQuota(server, 'project', { files: before })
  const answer = await client.create<StatusBody>()
  assert.deepEqual([answer.status, answer.body.code], [429, 8])
  await setQuota(server, 'project', {})
  await assertKeeps(server, before)
})

async function countOf(): Promise<number> {
  return done(await client.list('folderId=default&pageSize=1000')).files.length
}

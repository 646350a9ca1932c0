import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { exchange, LightfieldClient, ok } from '../../../test/lightfield-client.ts'
import { sendRaw } from '../../../test/raw-http.ts'
import page from './fixtures/create-page.json' with { type: 'json' }

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

const isOf: Record<string, (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string' && value !== '',
  'string or null': (value) => value === null || typeof value === 'string',
  integer: Number.isInteger,
  'object of strings': (value) => Object.values(value as object).every((text) => typeof text === 'string'),
}

test('create takes the example of the vendor’s page and returns every field of it, and no other', async () => {
  const body = ok(await client.post<Record<string, unknown>>('/v1/files', page.example))
  assert.deepEqual(Object.keys(body).sort(), Object.keys(page.returns).sort())
  for (const [field, kind] of Object.entries(page.returns))
    assert.ok(isOf[kind]?.(body[field]), `${field} is no ${kind}: ${body[field]}`)
  assert.ok(page.statuses.includes(String(body.status)))
  for (const [field, value] of Object.entries(page.example)) assert.equal(body[field], value)
})

test('create takes every purpose of the vendor’s page', async () => {
  for (const purpose of page.purposes) {
    const body = ok(await client.create({ purpose, mimeType: 'text/plain' }))
    assert.deepEqual(Object.keys(body).sort(), Object.keys(page.returns).sort())
  }
})

interface Schema {
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}

interface Operation {
  readonly operationId: string
  readonly summary?: string
  readonly requestBody?: Content
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
  readonly responses: Readonly<Record<string, Content>>
}

interface Description {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** Operation, method, path, fields of its body and fields of its answer. */
const described: readonly (readonly [
  string,
  string,
  string,
  readonly string[] | undefined,
  readonly string[],
])[] = [
  ['file.create', 'post', '/v1/files', page.parameters, Object.keys(page.returns)],
  ['file.list', 'get', '/v1/files', undefined, ['object', 'data', 'totalCount']],
  ['file.retrieve', 'get', '/v1/files/{id}', undefined, fileFields()],
  ['file.complete', 'post', '/v1/files/{id}/complete', ['md5'], fileFields()],
  ['file.cancel', 'post', '/v1/files/{id}/cancel', [], fileFields()],
  ['file.url', 'get', '/v1/files/{id}/url', undefined, ['url', 'expiresAt']],
  ['auth.validate', 'get', '/v1/auth/validate', undefined, ['active', 'tokenType', 'subjectType', 'scopes']],
]

function fileFields(): string[] {
  return Object.keys(page.returns).filter((field) => !field.startsWith('upload'))
}

async function description(): Promise<Description> {
  return ok(await exchange<Description>('GET', `${server.url}/lightfield/openapi.json`))
}

test('the description lists the seven operations and nothing else', async () => {
  const { openapi, paths } = await description()
  assert.match(openapi, /^3\.1\./)
  const found = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => [operationId, method, pathBelow(path)]),
  )
  assert.deepEqual(found.sort(), described.map((row) => row.slice(0, 3)).sort())
})

/** Paths are told with or without the prefix that `servers` names too. */
function pathBelow(path: string): string {
  return path.replace(/^\/lightfield/, '')
}

for (const [operationId, method, path, request, answer] of described) {
  test(`the description of ${operationId} has its fields`, async () => {
    const { paths } = await description()
    const operation = Object.entries(paths).find(([each]) => pathBelow(each) === path)?.[1][method]
    assert.equal(operation?.operationId, operationId)
    assert.ok(operation.summary)
    const bodyOf = (content: Content | undefined) => content?.content?.['application/json']?.schema
    const requestSchema = bodyOf(operation.requestBody)
    assert.deepEqual(
      requestSchema && Object.keys(requestSchema.properties ?? {}).sort(),
      request && [...request].sort(),
    )
    if (request) assert.equal(requestSchema?.additionalProperties, false)
    const answerSchema = bodyOf(operation.responses['200'])
    assert.deepEqual(Object.keys(answerSchema?.properties ?? {}).sort(), [...answer].sort())
    assert.deepEqual([...(answerSchema?.required ?? [])].sort(), [...answer].sort())
    for (const status of ['400', '401', '429', '500', '503'])
      assert.ok(Object.keys(bodyOf(operation.responses[status])?.properties ?? {}).includes('error'))
    if (path.includes('{id}'))
      assert.ok(operation.parameters?.some((each) => each.name === 'id' && each.in === 'path'))
  })
}

test('the description tells of the digest that a create may announce', async () => {
  const { paths } = await description()
  const create = Object.values(paths).find(({ post }) => post?.operationId === 'file.create')?.post
  const header = create?.parameters?.find((each) => each.name === 'Entrepot-Content-Sha256')
  assert.deepEqual([header?.in, header?.required], ['header', false])
})

test('an address of the description, put together as OpenAPI says, is one that answers', async () => {
  const { servers, paths } = await description()
  const list = Object.entries(paths).find(([, methods]) => methods.get?.operationId === 'file.list')?.[0]
  const url = `${server.url}${servers[0]?.url.replace(/\/$/, '')}${list}`
  assert.equal((await exchange('GET', url)).status, 401)
})

test('the documentation is a page that names the description and loads nothing from elsewhere', async () => {
  const answer = await exchange('GET', `${server.url}/docs/static/index.html`)
  const direct = await fetch(`${server.url}/docs`)
  assert.equal(direct.status, 200)
  assert.match(direct.headers.get('content-type') ?? '', /^text\/html/)
  const html = await direct.text()
  for (const text of [html, answer.text]) assert.doesNotMatch(text, /(src|href)="https?:/)
  const script = await fetch(`${server.url}/docs/static/swagger-initializer.js`)
  assert.equal(script.status, 200)
  assert.match(await script.text(), /\/lightfield\/openapi\.json/)
})

test('the documentation may run and call nothing but this server, and is shown in no frame', async () => {
  for (const path of ['/docs', '/docs/', '/docs/static/swagger-ui-bundle.js', '/docs/json']) {
    const { headers } = await exchange('GET', server.url + path)
    const policy = headers.get('content-security-policy')?.split('; ')
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
    ])
      assert.ok(policy?.includes(rule), `${path}: ${rule}`)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
  }
})

/** Names that file systems, or the plugin that reads the files, are particular about. */
const oddFiles = [
  '%2e%2e/x',
  '../x',
  '%00',
  '..%5cx',
  'C:%5cx',
  '.',
  '',
  'nothing',
  '.env',
  'a'.repeat(5_000),
]

for (const name of oddFiles) {
  test(`there is no file ${JSON.stringify(name.slice(0, 20))} of the documentation`, async () => {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, body } = await sendRaw(
        server.url,
        `${method} /docs/static/${name} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
      )
      assert.equal(status, 404)
      assert.ok(headers.get('x-request-id'))
      if (method === 'GET') assert.equal(JSON.parse(body).error.type, 'not_found')
    }
  })
}

/** What a reader of a file may send beside its name, and what it gets. */
const conditions: readonly (readonly [field: string, status: number, method?: string])[] = [
  ['range: bytes=0-3', 206],
  ['range: bytes=0-3', 200, 'HEAD'],
  ['if-modified-since: Thu, 31 Dec 2099 00:00:00 GMT', 304],
  ['if-modified-since: 2099-12-31', 200],
  ['range: bytes=99999999-', 416],
  ['range: bytes=5-1', 416],
  ['range: bytes=-0', 416],
  ['range: bytes=abc', 416],
  ['if-match: "x"', 200],
  ['if-unmodified-since: Thu, 01 Jan 1970 00:00:00 GMT', 200],
]

for (const [field, wanted, method = 'GET'] of conditions) {
  test(`a file of the documentation that is asked for by ${method} with "${field}" gets ${wanted}`, async () => {
    const fields = `host: a\r\n${field}\r\nconnection: close`
    const { status } = await sendRaw(
      server.url,
      `${method} /docs/static/swagger-ui.css HTTP/1.1\r\n${fields}\r\n\r\n`,
    )
    assert.equal(status, wanted)
  })
}

test('every operation answers the same at the root, where the vendor has it', async () => {
  const headers = { authorization: `Bearer ${server.key}`, 'lightfield-version': '2026-03-01' }
  const { id } = await client.stored()
  for (const path of ['/v1/files', `/v1/files/${id}`, '/v1/auth/validate', '/v1/none']) {
    const [atRoot, prefixed] = [
      await exchange('GET', server.url + path, undefined, headers),
      await exchange('GET', `${server.url}/lightfield${path}`, undefined, headers),
    ]
    assert.equal(atRoot.text, prefixed.text)
    assert.equal(atRoot.status, prefixed.status)
  }
})

test('what only this dialect has at the root is answered by it without its header, too', async () => {
  const headers = { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' }
  for (const path of ['/v1/files', '/v1/files/x/complete', '/v1/files/x/cancel']) {
    const { status, error } = await exchange('POST', server.url + path, '{}', headers)
    assert.deepEqual([status, error.code], [400, 'version_header'], path)
  }
})

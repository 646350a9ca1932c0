import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { YANDEX_FILES, type YandexFile, YandexRest } from '../../../test/yandex-rest.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: unknown
  readonly enum?: readonly string[]
}

interface Content {
  readonly content?: { readonly 'application/json'?: { readonly schema: Schema } }
}

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
}

interface Description {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

const file =
  'id folderId name description mimeType createdBy createdAt updatedBy updatedAt expirationConfig expiresAt labels'

/** Operation, method and path, fields of the body, parameters (required ones marked), fields of the answer. */
const described: readonly (readonly [string, string, string, string, string])[] = [
  [
    'File.Create',
    'post /files/v1/files',
    'folderId! name description mimeType content! labels expirationConfig',
    '',
    file,
  ],
  ['File.List', 'get /files/v1/files', '', 'folderId! pageSize pageToken', 'files nextPageToken'],
  ['File.GetUrl', 'get /files/v1/files:getUrl', '', 'fileId!', 'url'],
  ['File.Get', 'get /files/v1/files/{fileId}', '', 'fileId!', file],
  [
    'File.Update',
    'patch /files/v1/files/{fileId}',
    'updateMask! name description expirationConfig labels',
    'fileId!',
    file,
  ],
  ['File.Delete', 'delete /files/v1/files/{fileId}', '', 'fileId!', ''],
  ['ApiEndpoint.List', 'get /endpoints', '', '', 'endpoints nextPageToken'],
  ['ApiEndpoint.Get', 'get /endpoints/{id}', '', 'id!', 'id address'],
]

async function operations(): Promise<readonly (readonly [string, Operation])[]> {
  const description = (await (await fetch(`${server.url}/yandex/openapi.json`)).json()) as Description
  assert.match(description.openapi, /^3\.1\./)
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => [`${method} ${path.replace(/^\/yandex/, '')}`, operation] as const,
    ),
  )
}

const schemaOf = (content: Content | undefined) => content?.content?.['application/json']?.schema
const words = (text: string) => text.split(' ').filter(Boolean).sort()

test('the description lists every operation and nothing else', async () => {
  const found = (await operations()).map(([address, { operationId }]) => [operationId, address])
  assert.deepEqual(found.sort(), described.map(([id, address]) => [id, address]).sort())
})

for (const [operationId, address, body, parameters, answer] of described) {
  test(`the description of ${operationId} has its fields`, async () => {
    const [, operation] = (await operations()).find(([each]) => each === address) ?? []
    assert.ok(operation?.summary)
    const request = schemaOf(operation.requestBody)
    const marked = Object.keys(request?.properties ?? {}).map(
      (name) => name + (request?.required?.includes(name) ? '!' : ''),
    )
    assert.deepEqual(marked.sort(), words(body))
    if (body) assert.equal(request?.additionalProperties, false)
    const given = (operation.parameters ?? []).map(({ name, required }) => name + (required ? '!' : ''))
    assert.deepEqual(given.sort(), words(parameters))
    assert.deepEqual(
      Object.keys(schemaOf(operation.responses['200'])?.properties ?? {}).sort(),
      words(answer),
    )
    for (const status of ['400', '500'])
      assert.deepEqual(schemaOf(operation.responses[status])?.required, ['code', 'message', 'details'])
  })
}

test('the fields that are described are those that are answered', async () => {
  const [, create] = (await operations()).find(([, { operationId }]) => operationId === 'File.Create') ?? []
  const made = await new YandexRest(server).stored()
  const schema = schemaOf(create?.responses['200'])
  assert.deepEqual(schema?.required?.toSorted(), Object.keys(made).sort())
  const config: keyof YandexFile = 'expirationConfig'
  assert.deepEqual(schema?.properties?.[config]?.properties?.expirationPolicy?.enum, [
    'EXPIRATION_POLICY_UNSPECIFIED',
    'STATIC',
    'SINCE_LAST_ACTIVE',
  ])
})

test('the documentation page names the description', async () => {
  const script = await fetch(`${server.url}/docs/static/swagger-initializer.js`)
  assert.match(await script.text(), /\/yandex\/openapi\.json/)
  assert.equal((await fetch(`${server.url}${YANDEX_FILES}`)).status, 401)
})

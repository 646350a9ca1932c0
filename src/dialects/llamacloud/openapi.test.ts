import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { exchange } from '../../../test/lightfield-client.ts'
import { FILES, LlamaCloudClient, urlOf } from '../../../test/llamacloud-client.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly enum?: readonly string[]
  readonly anyOf?: readonly Schema[]
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}

interface Operation {
  readonly summary?: string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
}

interface Description {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly components: { readonly securitySchemes: Readonly<Record<string, unknown>> }
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

const file =
  'id name project_id external_file_id file_type last_modified_at expires_at purpose download_url'.split(' ')
const page = ['items', 'next_page_token', 'total_size']
const project = ['id', 'name', 'organization_id', 'is_default', 'created_at', 'updated_at']
const scope = ['project_id', 'organization_id']
const sort = ['order_by', 'page_size', 'page_token']

const fileV1 =
  'id created_at updated_at name external_file_id file_size file_type project_id last_modified_at resource_info permission_info data_source_id expires_at purpose'.split(
    ' ',
  )
const V1_FILES = '/api/v1/files'
const presign = {
  parameters: ['expires_at_seconds', ...scope],
  body: [
    'application/json',
    'name!',
    'external_file_id',
    'file_size',
    'storage_type',
    'last_modified_at',
    'resource_info',
    'permission_info',
    'data_source_id',
  ],
  answer: ['200', 'file_id', 'url', 'expires_at', 'form_fields'],
} as const

interface Described {
  readonly parameters?: readonly string[]
  /** Its media type, and its fields; those that must be there are marked. */
  readonly body?: readonly [type: string, ...fields: readonly string[]]
  /** The status of a success, and the fields of its body. */
  readonly answer: readonly [status: string, ...fields: readonly string[]]
}

/** Every operation there is. */
const described: Readonly<Record<string, Described>> = {
  [`post ${FILES}`]: {
    parameters: scope,
    body: ['multipart/form-data', 'file!', 'purpose!', 'external_file_id'],
    answer: ['201', ...file],
  },
  [`get ${FILES}`]: {
    parameters: [...sort, 'file_ids', 'file_name', 'external_file_id', 'expand', ...scope],
    answer: ['200', ...page],
  },
  [`post ${FILES}/query`]: {
    parameters: scope,
    body: ['application/json', 'filter', ...sort],
    answer: ['200', ...page],
  },
  [`get ${FILES}/{file_id}`]: { parameters: ['file_id!', 'expand', ...scope], answer: ['200', ...file] },
  [`delete ${FILES}/{file_id}`]: { parameters: ['file_id!', ...scope], answer: ['204'] },
  [`get ${FILES}/{file_id}/content`]: {
    parameters: ['file_id!', 'expires_at_seconds', ...scope],
    answer: ['200', 'url', 'expires_at', 'form_fields'],
  },
  [`post ${V1_FILES}`]: {
    parameters: ['external_file_id', 'storage_type', ...scope],
    body: ['multipart/form-data', 'upload_file!'],
    answer: ['200', ...fileV1],
  },
  [`put ${V1_FILES}`]: presign,
  [`post ${V1_FILES}/presigned-url`]: presign,
  [`put ${V1_FILES}/upload_from_url`]: {
    parameters: scope,
    body: [
      'application/json',
      'url!',
      'name',
      'external_file_id',
      'request_headers',
      'follow_redirects',
      'storage_type',
      'resource_info',
      'proxy_url',
      'verify_ssl',
    ],
    answer: ['200', ...fileV1],
  },
  [`get ${V1_FILES}`]: { parameters: scope, answer: ['200', ...fileV1] },
  [`put ${V1_FILES}/sync`]: { parameters: scope, answer: ['200', ...fileV1] },
  [`get ${V1_FILES}/{file_id}`]: { parameters: ['file_id!', ...scope], answer: ['200', ...fileV1] },
  [`delete ${V1_FILES}/{file_id}`]: { parameters: ['file_id!', ...scope], answer: ['204'] },
  [`get ${V1_FILES}/{file_id}/content`]: {
    parameters: ['file_id!', 'expires_at_seconds', ...scope],
    answer: ['200', 'url', 'expires_at', 'form_fields'],
  },
  'get /api/v1/projects': { answer: ['200', ...project] },
  'post /session': { body: ['application/json', 'api_key'], answer: ['200', 'expires_at'] },
  'delete /session': { answer: ['204'] },
}

async function description(): Promise<Description> {
  return (await exchange<Description>('GET', `${server.url}/llamacloud/openapi.json`)).body
}

/** By method and path, as the vendor prints it. */
async function operations(): Promise<Readonly<Record<string, Operation>>> {
  const { paths } = await description()
  return Object.fromEntries(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [
        `${method} ${path.replace(/^\/llamacloud/, '')}`,
        operation,
      ]),
    ),
  )
}

function schemaOf(content: Content | undefined): Schema | undefined {
  return Object.values(content?.content ?? {})[0]?.schema
}

test('the description lists every operation and nothing else', async () => {
  assert.match((await description()).openapi, /^3\.1\./)
  assert.deepEqual(Object.keys(await operations()).sort(), Object.keys(described).sort())
})

for (const [address, { parameters = [], body = [], answer }] of Object.entries(described)) {
  test(`the description of ${address} has its parameters, fields and answers`, async () => {
    const operation = (await operations())[address]
    assert.ok(operation?.summary)
    const given = (operation.parameters ?? []).map(({ name, required }) => name + (required ? '!' : ''))
    assert.deepEqual(given.sort(), [...parameters].sort())
    const request = schemaOf(operation.requestBody)
    const fields = Object.keys(request?.properties ?? {}).map(
      (name) => name + (request?.required?.includes(name) ? '!' : ''),
    )
    assert.deepEqual(
      [...Object.keys(operation.requestBody?.content ?? {}), ...fields].sort(),
      [...body].sort(),
    )
    const [status, ...answered] = answer
    assert.deepEqual(
      Object.keys(operation.responses).filter((code) => /^2/.test(code)),
      [status],
    )
    const success = schemaOf(operation.responses[status])
    const told = success?.items ?? success
    assert.deepEqual(Object.keys(told?.properties ?? {}).sort(), answered.sort())
    // Nulls are told, never left out.
    assert.deepEqual(told?.required?.toSorted() ?? [], answered.sort())
    for (const code of ['400', '500', '503'])
      assert.deepEqual(schemaOf(operation.responses[code])?.required, ['detail'])
  })
}

test('the fields that are described are those that are answered', async () => {
  const client = new LlamaCloudClient(server)
  const made = await client.stored()
  const { [`post ${FILES}`]: create, [`post ${FILES}/query`]: query } = await operations()
  const answer = schemaOf(create?.responses['201'])
  assert.deepEqual(Object.keys(answer?.properties ?? {}).sort(), Object.keys(made).sort())
  const [link] = answer?.properties?.download_url?.anyOf ?? []
  assert.deepEqual(Object.keys(link?.properties ?? {}).sort(), Object.keys(urlOf(made)).sort())
  assert.deepEqual(schemaOf(create?.requestBody)?.properties?.purpose?.enum, [
    'user_data',
    'parse',
    'extract',
    'split',
    'classify',
    'sheet',
    'agent_app',
  ])
  assert.deepEqual(Object.keys(schemaOf(query?.requestBody)?.properties?.filter?.properties ?? {}).sort(), [
    'data_source_id',
    'external_file_id',
    'file_ids',
    'file_name',
    'only_manually_uploaded',
    'project_id',
  ])
  const projects = await client.send<readonly object[]>('GET', '/api/v1/projects')
  assert.deepEqual(Object.keys(projects.body[0] ?? {}).sort(), [...project].sort())
})

test('the description tells of the key, and of the cookie in its place', async () => {
  const { components, security } = await description()
  assert.deepEqual(components.securitySchemes, {
    key: { type: 'http', scheme: 'bearer' },
    session: { type: 'apiKey', in: 'cookie', name: 'session' },
  })
  assert.deepEqual(security, [{ key: [] }, { session: [] }])
})

test('an address of the description, put together as OpenAPI says, is one that answers', async () => {
  const { servers, paths } = await description()
  const path = Object.keys(paths).find((each) => each.endsWith(FILES))
  assert.equal(
    (await exchange('GET', `${server.url}${servers[0]?.url.replace(/\/$/, '')}${path}`)).status,
    401,
  )
})

test('the documentation page names the description', async () => {
  const script = await fetch(`${server.url}/docs/static/swagger-initializer.js`)
  assert.match(await script.text(), /\/llamacloud\/openapi\.json/)
})

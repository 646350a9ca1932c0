/**
 * Whose request it is, where several vendors have the same paths: what each client sends to a server whose base URL names no
 * dialect is answered in the form of its vendor. The requests carry a wrong key, since refusals tell the vendors apart.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { allDialects } from '../src/dialects/all.ts'
import { TestServer } from './harness.ts'
import { VERSION } from './lightfield-client.ts'
import { sendRaw } from './raw-http.ts'
import {
  bytesOf,
  loadRecordings,
  type RecordedRequest,
  type Recording,
  titleOf,
} from './recordings/recordings.ts'

let server: TestServer

before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

/** Bodies above this are not sent: a refusal does not wait for them. */
const MAX_BODY_BYTES = 64 * 1024
const WRONG_KEY = 'ek_wrong'
const UPLOAD_URL = '/upload/v1beta/files?upload_id=none&upload_protocol=resumable'
/** What a page cannot set, or sets without asking first (Fetch, "forbidden request-header" and "CORS-safelisted"). */
const UNASKED =
  /^(host|connection|content-length|transfer-encoding|accept.*|cookie|origin|sec-.*|user-agent)$/

interface Sent {
  readonly head: readonly string[]
  readonly body: string | Uint8Array
}

/** A request of a recording with a wrong key, on this server. */
function fill(request: RecordedRequest, names: ReadonlyMap<string, string>): Sent {
  const bytes = bytesOf(request, names)
  const end = bytes.indexOf('\r\n\r\n')
  return { head: bytes.toString('latin1', 0, end).split('\r\n'), body: bytes.subarray(end + 4) }
}

/** Every request of a client that differs from the others in its head. */
function requestsOf({ dialect, calls }: Recording): readonly Sent[] {
  const requests = calls.flatMap((call) => call.requests)
  const given = requests.flatMap(({ answer }) => Object.entries(answer.gives ?? {}))
  const id = dialect === 'gemini' ? 'files/none' : 'none'
  const names = new Map(given.map(([name, from]) => [name, from.includes('upload-url') ? UPLOAD_URL : id]))
  names.set('key', WRONG_KEY).set('host', '127.0.0.1')
  const filled = requests.map((request) => fill(request, names))
  return [...new Map(filled.map((sent) => [sent.head.join('\n'), sent])).values()]
}

/** Requests that differ in the method, the first segment of the path, or the headers. */
function kindsOf(requests: readonly Sent[]): readonly Sent[] {
  return [
    ...new Map(
      requests.map((sent) => {
        const { method, path, headers } = partsOf(sent)
        return [[method, path.split('/', 2), headers.map(nameOf)].join(), sent] as const
      }),
    ).values(),
  ]
}

function partsOf({ head: [line = '', ...headers] }: Sent) {
  const [method = '', path = ''] = line.split(' ')
  return { method, path, headers }
}

function nameOf(header: string): string {
  return header.slice(0, header.indexOf(':')).toLowerCase()
}

function without(headers: readonly string[], pattern: RegExp): readonly string[] {
  return headers.filter((header) => !pattern.test(nameOf(header)))
}

async function answerTo({ head, body }: Sent) {
  const bytes = Buffer.from(body)
  const sent = bytes.length > MAX_BODY_BYTES ? Buffer.alloc(0) : bytes
  return sendRaw(server.url, Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), sent]))
}

interface Refusal {
  readonly type?: string
  readonly object?: string
  readonly detail?: unknown
  readonly error?: {
    readonly type?: string
    readonly code?: unknown
    readonly status?: string
    readonly param?: unknown
  }
}

/** By the forms of errors in the vendors' documents; undefined: it is none of them. */
function speakerOf(body: string): string | undefined {
  const { type, object, detail, error }: Refusal = JSON.parse(body)
  if (type === 'error') return 'anthropic'
  if (detail !== undefined || object === 'error') return 'mistral'
  if (typeof error?.code === 'number') return error.status === undefined ? undefined : 'gemini'
  if (error?.param !== undefined && /(_error|requests)$/.test(error.type ?? '')) return 'openai'
  return /^[a-z_]+$/.test(error?.type ?? '') ? 'lightfield' : undefined
}

async function assertSpeaker(dialect: string, sent: Sent, statuses: readonly number[]): Promise<void> {
  const { status, body } = await answerTo(sent)
  assert.equal(speakerOf(body), dialect, `${sent.head.join('\n')}\n→ ${status} ${body}`)
  assert.ok(statuses.includes(status), `${sent.head.join('\n')}\n→ ${status} ${body}`)
}

/** Of no recording: the heads that Lightfield's clients send. */
const lightfield: readonly Sent[] = (
  [
    ['POST', '/v1/files', '{}'],
    ['GET', '/v1/files?limit=1&after=x'],
    ['GET', '/v1/files/file_1'],
    ['GET', '/v1/files/file_1/url'],
    ['POST', '/v1/files/file_1/complete', '{}'],
    ['POST', '/v1/files/file_1/cancel', ''],
    ['GET', '/v1/auth/validate'],
  ] as const
).map(([method, path, body]) => ({
  head: [
    `${method} ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    `authorization: Bearer ${WRONG_KEY}`,
    `lightfield-version: ${VERSION}`,
    'user-agent: Lightfield/Python 0.20.0a2',
    'x-stainless-lang: python',
    ...(body === undefined ? [] : ['content-type: application/json', `content-length: ${body.length}`]),
  ],
  body: body ?? '',
}))

const clients: readonly (readonly [title: string, dialect: string, requests: readonly Sent[]])[] = [
  ['lightfield', 'lightfield', lightfield],
  ...loadRecordings()
    .filter(({ dialect }) => allDialects.some(({ name }) => name === dialect))
    .map((recording) => [titleOf(recording), recording.dialect, requestsOf(recording)] as const),
]

for (const [title, dialect, requests] of clients) {
  test(`every request of ${title} at the root is answered in the form of ${dialect}`, async () => {
    for (const sent of requests) await assertSpeaker(dialect, sent, [400, 401, 403, 404])
  })

  test(`an unknown address below the paths of ${title} is answered in the form of ${dialect}`, async () => {
    for (const sent of kindsOf(requests)) {
      const { method, path, headers } = partsOf(sent)
      const line = `${method} ${path.split('/', 2).join('/')}/none/none HTTP/1.1`
      await assertSpeaker(dialect, { ...sent, head: [line, ...headers] }, [404])
    }
  })

  test(`a method that ${dialect} does not have on a path of ${title} is refused in its form`, async () => {
    for (const sent of kindsOf(requests)) {
      const { path, headers } = partsOf(sent)
      const kept = without(headers, /^(content-length|content-type|transfer-encoding)$/)
      await assertSpeaker(dialect, { head: [`PATCH ${path} HTTP/1.1`, ...kept], body: '' }, [404, 405, 501])
    }
  })

  test(`a broken request of ${title} is answered in the form of ${dialect}`, async () => {
    for (const { head } of kindsOf(requests))
      await assertSpeaker(dialect, { head: [...head, 'no header'], body: '' }, [400])
  })

  test(`a page of any origin may send the requests of ${title}, if ${dialect} is for pages`, async () => {
    for (const sent of kindsOf(requests)) {
      const { method, path, headers } = partsOf(sent)
      const asked = without(headers, UNASKED).map(nameOf)
      const head = [
        `OPTIONS ${path} HTTP/1.1`,
        'host: 127.0.0.1',
        'origin: https://app.example',
        `access-control-request-method: ${method}`,
        `access-control-request-headers: ${asked.join(',')}`,
      ]
      const { status, headers: allowed, body } = await answerTo({ head, body: '' })
      const isForPages = dialect !== 'lightfield'
      assert.equal(status, isForPages ? 204 : 405, `${head.join('\n')}\n→ ${body}`)
      assert.equal(allowed.get('access-control-allow-origin'), isForPages ? '*' : undefined)
      if (!isForPages) assert.equal(speakerOf(body), dialect)
    }
  })
}

const UUID = '0190e0c4-57a1-7c3e-9a6b-1f2e3d4c5b6a'

/** Requests of programs that name no SDK, with a bearer key unless they have another. */
const bare: readonly (readonly [dialect: string, line: string, ...headers: string[]])[] = [
  ['openai', 'GET /v1/files'],
  ['openai', 'GET /v1/files?limit=10&order=asc&after=x'],
  ['openai', `GET /v1/files/file-${UUID.replaceAll('-', '')}/content`],
  ['openai', 'DELETE /v1/files/x'],
  ['openai', 'POST /v1/files', 'content-type: multipart/form-data; boundary=x', 'content-length: 0'],
  ['openai', 'POST /v1/uploads', 'content-type: application/json', 'content-length: 0'],
  ['openai', 'POST /v1/uploads/x/complete', 'content-type: application/json', 'content-length: 0'],
  ['openai', 'POST /v1/uploads/x/cancel', 'content-length: 0'],
  ['openai', 'GET /v1/models'],
  ['openai', 'GET /openai/files?api-version=1', 'api-key: x'],
  ['anthropic', 'GET /v1/files?limit=10', 'x-api-key: x'],
  ['anthropic', 'GET /v1/files/x', 'anthropic-version: 2023-06-01'],
  ['gemini', 'GET /v1/files?key=x'],
  ['gemini', `GET /v1/files/${UUID}?key=x`],
  ['gemini', 'GET /v1/files/x', 'x-goog-api-key: x'],
  ['gemini', 'GET /v1beta/files'],
  ['gemini', 'POST /upload/v1/files', 'content-length: 0'],
  ['mistral', 'GET /v1/files?page=0&page_size=10'],
  ['mistral', `GET /v1/files/${UUID}`],
  ['mistral', 'GET /v1/files/x/url?expiry=1'],
  ['mistral', 'GET /v1/files/x/content', 'accept: application/octet-stream'],
  ['lightfield', 'POST /v1/files', 'content-type: application/json', 'content-length: 0'],
  ['lightfield', 'POST /v1/files/x/complete', 'content-length: 0'],
  // Who is sure comes before who finds it likely.
  ['anthropic', `GET /v1/files/${UUID}?page=x`, 'anthropic-version: 2026-10-21'],
  ['openai', `GET /v1/files/${UUID}`, 'user-agent: OpenAI/JS 7.57.0'],
  ['openai', `GET /v1/files/${UUID}`, 'openai-beta: assistants=v2'],
  ['lightfield', `GET /v1/files/${UUID}?page=x`, `lightfield-version: ${VERSION}`],
]

for (const [dialect, line, ...headers] of bare.filter(([name]) =>
  allDialects.some((each) => each.name === name),
))
  test(`${[line, ...headers].join(', ')} is a request of ${dialect}`, async () => {
    const key = headers.some((header) => /key:/.test(header)) ? [] : [`authorization: Bearer ${WRONG_KEY}`]
    const head = [`${line} HTTP/1.1`, 'host: 127.0.0.1', ...key, ...headers]
    await assertSpeaker(dialect, { head, body: '' }, [400, 401, 403, 404])
  })

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../../test/harness.ts'
import { type Answer, ok } from '../../../../test/lightfield-client.ts'
import { bodiesIn, detailOf, LlamaCloudClient, problemsOf } from '../../../../test/llamacloud-client.ts'
import { RawConnection } from '../../../../test/raw-http.ts'
import { setQuota, settledUsage } from '../../../../test/usage.ts'
import { createAuthority, signServer } from '../../../ops/certificates.ts'

const PATH = '/api/v1/files/upload_from_url'
const MAX_BYTES = 100_000
const HOUR_MS = 3_600_000

type Answerer = (request: IncomingMessage, response: ServerResponse) => void

/** A server of the network; what it answers is said by each test. */
class Origin {
  answer: Answerer = (_request, response) => response.end('hello')
  readonly asked: IncomingMessage[] = []
  readonly #server = createServer((request, response) => {
    this.asked.push(request)
    this.answer(request, response)
  })

  async start(): Promise<void> {
    await listen(this.#server)
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  url(path: string): string {
    return `http://${this.host}${path}`
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

async function listen(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}

/** Its certificate is signed by nobody whom anybody knows. */
async function startSecure(): Promise<Server> {
  const now = Date.now()
  const validity = { from: now - HOUR_MS, until: now + HOUR_MS }
  const { cert, key } = await signServer(await createAuthority('test', validity), ['127.0.0.1'], validity)
  const started = createTlsServer({ cert, key }, (_request, response) => response.end('x'))
  await listen(started)
  return started
}

const [origin, other, forbidden] = [new Origin(), new Origin(), new Origin()]
let secure: Server
let server: TestServer
let client: LlamaCloudClient

before(async () => {
  await Promise.all([origin, other, forbidden].map((each) => each.start()))
  secure = await startSecure()
  const { port } = secure.address() as AddressInfo
  server = await TestServer.start({
    ENTREPOT_LLAMACLOUD_UPLOAD_FROM_URL: 'on',
    ENTREPOT_LLAMACLOUD_UPLOAD_FROM_URL_ALLOWED_HOSTS: `${origin.host}, ${other.host}, 127.0.0.1:${port}`,
    ENTREPOT_LLAMACLOUD_MAX_FILE_BYTES: String(MAX_BYTES),
  })
  client = new LlamaCloudClient(server)
})
after(async () => {
  for (const each of [origin, other, forbidden]) each.stop()
  secure.close()
  await server.stop()
})

interface File {
  readonly id: string
  readonly name: string
  readonly file_size: number
  readonly file_type: string | null
  readonly external_file_id: string
  readonly expires_at: string | null
}

function fetchFrom<T = File>(body: unknown, by = client): Promise<Answer<T>> {
  return by.send('PUT', PATH, JSON.stringify(body), { 'content-type': 'application/json' })
}

/** As `name`, and refused with this status, having stored nothing. */
async function assertRefused(body: unknown, status: number, detail: RegExp): Promise<void> {
  const before = await client.count()
  const answer = await fetchFrom(body)
  assert.equal(answer.status, status, answer.text)
  assert.match(String(detailOf(answer)), detail)
  assert.equal(await client.count(), before)
  await settledUsage(server)
  assert.deepEqual(await bodiesIn(server), { arriving: 0, kept: before })
}

async function contentOf({ id }: File): Promise<string> {
  const { url } = ok(await client.send<{ url: string }>('GET', `/api/v1/files/${id}/content`))
  return (await fetch(url)).text()
}

test('a fetched file is one like any other', async () => {
  origin.answer = (_request, response) => response.end('%PDF-1.7\n'.repeat(3000))
  const url = origin.url('/dir/Q3%20%C3%BC.pdf?sig=1')
  const file = ok(await fetchFrom({ url, external_file_id: 'x/1', storage_type: 'ephemeral' }))
  assert.deepEqual(
    [file.name, file.file_size, file.file_type, file.external_file_id],
    ['Q3 ü.pdf', 27_000, 'pdf', 'x/1'],
  )
  assert.equal(Date.parse(file.expires_at ?? '') - server.clock.now(), 48 * HOUR_MS)
  assert.equal(await contentOf(file), '%PDF-1.7\n'.repeat(3000))
})

/** Content-Disposition, path, given name → name. */
const names: readonly (readonly [string | undefined, string, string | undefined, string])[] = [
  ['attachment; filename="a b.txt"', '/x.pdf', undefined, 'a b.txt'],
  ['attachment; filename="bad.txt"; filename*=UTF-8\'\'%C3%BC.txt', '/x.pdf', undefined, 'ü.txt'],
  [Buffer.from('inline; filename="ü.txt"').toString('latin1'), '/x.pdf', undefined, 'ü.txt'],
  ['attachment; filename="../../etc/passwd"', '/x.pdf', undefined, 'passwd'],
  ['attachment; filename="open', '/x.pdf', undefined, 'x.pdf'],
  ['attachment', '/dir/x.pdf', undefined, 'x.pdf'],
  ['attachment; filename="a.txt"', '/x.pdf', 'given.md', 'given.md'],
  [undefined, '/a%2Fb.txt', undefined, 'b.txt'],
  [undefined, '/100%.txt', undefined, '100%.txt'],
]

for (const [disposition, path, given, expected] of names)
  test(`the name for ${disposition} at ${path} is ${expected}`, async () => {
    origin.answer = (_request, response) => {
      if (disposition !== undefined) response.setHeader('content-disposition', disposition)
      response.end('hello')
    }
    assert.equal(ok(await fetchFrom({ url: origin.url(path), name: given })).name, expected)
  })

test('without any name a file is called by its id and type', async () => {
  origin.answer = (_request, response) => response.setHeader('content-type', 'text/plain').end('hello')
  const file = ok(await fetchFrom({ url: origin.url('/') }))
  assert.equal(file.name, `${file.id}.txt`)
})

/** Each names this machine, its networks or the cloud around it, or uses no TLS. */
const unsafe = [
  () => `https://${forbidden.host}/x`,
  () => `https://127.1:${new URL(forbidden.url('/')).port}/x`,
  () => `http://${forbidden.host}/x`,
  () => 'https://localhost/x',
  () => 'https://2130706433/x',
  () => 'https://0x7f.0.0.1/x',
  () => 'https://0/x',
  () => 'https://10.0.0.1/x',
  () => 'https://169.254.169.254/latest/meta-data',
  () => 'https://100.100.100.200/latest',
  () => 'https://[::1]/x',
  () => 'https://[::]/x',
  () => 'https://[::ffff:127.0.0.1]/x',
  () => 'https://[64:ff9b::7f00:1]/x',
  () => 'https://[fe80::1]/x',
  () => 'https://[fd00:ec2::254]/x',
  () => 'https://224.0.0.1/x',
  () => 'http://example.com/x',
]

for (const url of unsafe)
  test(`${url.toString().replace('() => ', '')} is not asked`, async () => {
    await assertRefused({ url: url() }, 400, /no public address|must begin with https/)
    assert.equal(forbidden.asked.length, 0)
  })

test('a redirect to an address that may not be asked is not followed', async () => {
  for (const location of [
    forbidden.url('/x'),
    'https://169.254.169.254/',
    'https://[::1]/',
    '//localhost/',
  ]) {
    origin.answer = (_request, response) => response.writeHead(302, { location }).end()
    await assertRefused({ url: origin.url('/x') }, 400, /no public address|must begin with https/)
  }
  origin.answer = (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end()
  await assertRefused({ url: origin.url('/x') }, 400, /not of HTTP/)
  assert.equal(forbidden.asked.length, 0)
})

test('redirects are followed, not without end, and not at all if told so', async () => {
  origin.answer = ({ url = '' }, response) => {
    const left = Number(url.slice(1))
    if (left > 0) response.writeHead(307, { location: String(left - 1) }).end()
    else response.end('found')
  }
  assert.equal(await contentOf(ok(await fetchFrom({ url: origin.url('/5') }))), 'found')
  await assertRefused({ url: origin.url('/6') }, 400, /more than 5 times/)
  await assertRefused({ url: origin.url('/1'), follow_redirects: false }, 400, /redirect/)
})

test('the headers of the caller go to the origin they were meant for, and to no other', async () => {
  const location = other.url('/x.txt')
  origin.answer = (_request, response) => response.writeHead(302, { location }).end()
  const request_headers = { Authorization: 'Bearer s', 'X-Api-Key': 's', 'User-Agent': 'ua', accept: null }
  ok(await fetchFrom({ url: origin.url('/x'), request_headers }))
  const [first, second] = [origin.asked.at(-1)?.headers, other.asked.at(-1)?.headers]
  assert.deepEqual(
    [first?.authorization, first?.['x-api-key'], first?.['user-agent']],
    ['Bearer s', 's', 'ua'],
  )
  assert.deepEqual(
    [second?.authorization, second?.['x-api-key'], second?.['user-agent']],
    [undefined, undefined, 'ua'],
  )
  for (const headers of [first, second]) {
    assert.equal(headers?.['accept-encoding'], 'identity')
    assert.match(headers?.host ?? '', /^127\.0\.0\.1:/)
  }
})

test('headers that are not for callers to send are told', async () => {
  const names = ['Host', 'connection', 'Transfer-Encoding', 'content-length', 'Proxy-Authorization', 'Range']
  const more = ['X-Forwarded-For', 'Forwarded', 'If-None-Match', 'a b', 'Expect']
  for (const name of [...names, ...more]) {
    const answer = await fetchFrom({ url: origin.url('/x'), request_headers: { [name]: 'x' } })
    assert.deepEqual(problemsOf(answer), [`body.request_headers.${name} value_error`])
  }
  const split = await fetchFrom({ url: origin.url('/x'), request_headers: { 'x-a': 'b\r\nhost: evil' } })
  assert.deepEqual(problemsOf(split), ['body.request_headers.x-a value_error'])
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`x-${i}`, 'x']))
  assert.deepEqual(problemsOf(await fetchFrom({ url: origin.url('/x'), request_headers: many })), [
    'body.request_headers value_error',
  ])
})

test('what would weaken the fetch is refused, and what is no request is told', async () => {
  const url = origin.url('/x')
  await assertRefused({ url, proxy_url: 'http://proxy:3128' }, 400, /proxy_url/)
  await assertRefused({ url, verify_ssl: false }, 400, /verify_ssl/)
  await assertRefused({ url: url.replace('http://', 'http://user:pass@') }, 400, /credentials/)
  for (const [body, expected] of [
    [{}, ['body.url missing']],
    [{ url: 'x' }, ['body.url url_parsing']],
    [{ url: 'file:///etc/passwd' }, ['body.url url_parsing']],
    [{ url: 7 }, ['body.url string_type']],
    [{ url, external_file_id: 'a\ud800b' }, ['body.external_file_id string_unicode']],
    [
      { url, storage_type: 'x', follow_redirects: 1 },
      ['body.follow_redirects bool_type', 'body.storage_type enum'],
    ],
    [{ url, request_headers: { a: 1 } }, ['body.request_headers.a string_type']],
    [[], ['body model_attributes_type', 'body.url missing']],
  ] as const)
    assert.deepEqual(problemsOf(await fetchFrom(body)), expected)
})

test('a file that is too large is refused, whether its length is told or not', async () => {
  const tooLarge = 'x'.repeat(MAX_BYTES + 1)
  origin.answer = (_request, response) => response.end(tooLarge)
  await assertRefused({ url: origin.url('/x') }, 413, /100000 bytes/)
  origin.answer = (_request, response) => {
    response.write(tooLarge)
    response.end()
  }
  await assertRefused({ url: origin.url('/x') }, 413, /100000 bytes/)
  origin.answer = (_request, response) => response.end(tooLarge.slice(1))
  assert.equal(ok(await fetchFrom({ url: origin.url('/x') })).file_size, MAX_BYTES)
})

test('what is no whole file is not stored', async (t) => {
  const answers: readonly (readonly [Answerer, RegExp])[] = [
    [(_request, response) => response.writeHead(404).end('none'), /status 404/],
    [(_request, response) => response.writeHead(206).end('part'), /status 206/],
    [(_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'), /encoding/],
    [(_request, response) => response.end(''), /empty/],
    [({ socket }) => socket.destroy(), /cannot be reached/],
    [
      (_request, response) => {
        response.writeHead(200, { 'content-length': 9 }).write('half')
        setImmediate(() => response.destroy())
      },
      /broke off/,
    ],
  ]
  for (const [answer, detail] of answers) {
    origin.answer = answer
    await assertRefused({ url: origin.url('/x') }, 400, detail)
  }
  await setQuota(server, 'organization', { bytes: 1 })
  t.after(() => setQuota(server, 'organization', {}))
  origin.answer = (_request, response) => response.end('hello')
  await assertRefused({ url: origin.url('/x') }, 402, /quota/)
})

test('a certificate that nobody vouches for is refused, of an allowed host too', async () => {
  const { port } = secure.address() as AddressInfo
  await assertRefused({ url: `https://127.0.0.1:${port}/x` }, 400, /cannot be reached/)
})

test('an organization may have so many fetches at a time, and others theirs', async () => {
  const waiting: ServerResponse[] = []
  const allWait = Promise.withResolvers<void>()
  origin.answer = (_request, response) => {
    if (waiting.push(response) === 16) allWait.resolve()
  }
  const url = origin.url('/x.txt')
  const fetches = Array.from({ length: 16 }, () => fetchFrom({ url }))
  await allWait.promise
  const answer = await fetchFrom({ url })
  assert.equal(answer.status, 429)
  const seconds = Number(answer.headers.get('retry-after'))
  assert.ok(seconds >= 5 && seconds <= 15, `${seconds}`)
  // Waiting would not help these.
  assert.equal((await fetchFrom({})).status, 422)
  assert.equal((await fetchFrom({ url, verify_ssl: false })).status, 400)
  origin.answer = (_request, response) => response.end('hello')
  const { key } = await server.newTenant('neighbour')
  const neighbour = new LlamaCloudClient(server, key)
  assert.equal((await neighbour.delete(ok(await fetchFrom({ url }, neighbour)).id)).status, 204)
  for (const response of waiting) response.end('hello')
  for (const each of await Promise.all(fetches)) ok(each)
  ok(await fetchFrom({ url }))
})

test('sources that change the protocol are refused, as often as anybody tries', async () => {
  origin.answer = ({ socket }) =>
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  const answers = await Promise.all(Array.from({ length: 16 }, () => fetchFrom({ url: origin.url('/x') })))
  for (const answer of answers) assert.match(String(detailOf(answer)), /another protocol/)
  origin.answer = (_request, response) => response.end('hello')
  ok(await fetchFrom({ url: origin.url('/x') }))
})

/** A call whose source sends a part of its answer and then waits. */
async function beginFetch() {
  const begun = Promise.withResolvers<{ request: IncomingMessage; response: ServerResponse }>()
  origin.answer = (request, response) => {
    response.writeHead(200, { 'content-length': 50_000 }).write('x'.repeat(20_000))
    begun.resolve({ request, response })
  }
  const body = JSON.stringify({ url: origin.url('/x') })
  const type = `Content-Type: application/json\r\nContent-Length: ${body.length}`
  const caller = await RawConnection.open(server.url)
  const head = `PUT ${PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.key}\r\n${type}\r\n\r\n`
  return { caller, text: head + body, begun: begun.promise }
}

test('the fetch ends when the connection of the caller does, and nothing is stored', async () => {
  const before = await client.count()
  for (const leave of [
    (caller: RawConnection) => caller.reset(),
    (caller: RawConnection) => caller.finish(''),
  ]) {
    const { caller, text, begun } = await beginFetch()
    caller.write(text)
    const { socket } = (await begun).request
    leave(caller)
    if (!socket.destroyed) await once(socket, 'close')
    await settledUsage(server)
    assert.equal(await client.count(), before)
  }
})

test('a caller that closes its half with the request is told that the fetch ended', async () => {
  const { caller, text } = await beginFetch()
  caller.finish(text)
  assert.match(await caller.closed(), /^HTTP\/1\.1 400 [\s\S]*caller closed the connection/)
  await settledUsage(server)
})

test('a connection may have many fetches after each other', async () => {
  const { caller, text, begun } = await beginFetch()
  caller.write(text)
  const { response } = await begun
  response.end('x'.repeat(30_000))
  await caller.until(/"file_size":50000/)
  origin.answer = (_request, other) => other.end('hello')
  caller.write(text)
  await caller.until(/"file_size":5,/)
  caller.reset()
  await settledUsage(server)
})

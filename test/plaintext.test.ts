/** Clients that take a port for one of another protocol are told so. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { credentials, Metadata, makeGenericClientConstructor, type ServiceError } from '@grpc/grpc-js'
import { TestServer } from './harness.ts'

const SPEAKS_TLS = 'This port speaks TLS: the URL has to begin with https://, not http://.'

async function startServer(t: TestContext, settings: Record<string, string>): Promise<TestServer> {
  const server = await TestServer.start({ ENTREPOT_GRPC_PORT: '0', ...settings })
  t.after(() => server.stop())
  return server
}

function asPlain(url: string): string {
  return url.replace('https:', 'http:')
}

/** What a call without TLS fails with. */
async function failureOfCall(address: string): Promise<ServiceError> {
  const Client = makeGenericClientConstructor({}, 'none')
  const client = new Client(address, credentials.createInsecure())
  const same = (bytes: Buffer) => bytes
  const { promise, resolve } = Promise.withResolvers<ServiceError>()
  client.makeUnaryRequest('/any/Call', same, same, Buffer.alloc(0), new Metadata(), (error) =>
    resolve(error as ServiceError),
  )
  return promise.finally(() => client.close())
}

test('plain HTTP on the port of TLS gets an answer that says so, in the form of each dialect', async (t) => {
  const server = await startServer(t, { ENTREPOT_TLS: 'self-signed' })
  const url = asPlain(server.url)
  const get = await fetch(`${url}/lightfield/v1/files`)
  assert.equal(get.status, 400)
  assert.ok(get.headers.get('x-request-id'))
  assert.equal(((await get.json()) as { error: { message: string } }).error.message, SPEAKS_TLS)
  const post = await fetch(`${url}/api/v1/beta/files`, { method: 'POST', body: 'x'.repeat(300_000) })
  assert.deepEqual([post.status, ((await post.json()) as { detail: string }).detail], [400, SPEAKS_TLS])
  const other = await fetch(`${url}/healthz`)
  assert.match(await other.text(), /"type":"bad_request","message":"This port speaks TLS/)
})

test('a call without TLS on the gRPC port of TLS fails with the reason', async (t) => {
  const server = await startServer(t, { ENTREPOT_TLS: 'self-signed' })
  const { code, details } = await failureOfCall(server.grpcAddress)
  assert.deepEqual([code, details], [9, 'This port speaks TLS: connect with a secure channel.'])
})

test('plain HTTP/1.1 on the gRPC port of TLS gets an answer that says so', async (t) => {
  const server = await startServer(t, { ENTREPOT_TLS: 'self-signed' })
  const response = await fetch(`http://${server.grpcAddress}/v1/files`)
  assert.equal(response.status, 400)
  assert.match(await response.text(), /This port speaks gRPC/)
})

test('a connection that ends before it says anything, or says nonsense, harms nobody', async (t) => {
  const server = await startServer(t, { ENTREPOT_TLS: 'self-signed' })
  const { hostname, port } = new URL(server.url)
  for (const bytes of ['', 'G', '\x16\x03', '\x00\x01\x02']) {
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    socket.on('error', () => undefined).resume()
    socket.end(bytes, 'latin1')
    await once(socket, 'close')
  }
  assert.equal((await fetch(`${asPlain(server.url)}/healthz`)).status, 400)
})

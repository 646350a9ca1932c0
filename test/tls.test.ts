import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from 'node:tls'
import { ROOT_KEY, ServerProcess } from './faults/server-process.ts'

const POLL_MS = 20

async function startSelfSigned(t: TestContext): Promise<{ server: ServerProcess; dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'entrepot-tls-data-'))
  const settings = { ENTREPOT_TLS: 'self-signed', ENTREPOT_GRPC_PORT: '0' }
  const server = await ServerProcess.start({ dataDir, settings })
  t.after(async () => {
    await server.end('SIGKILL')
    await rm(dataDir, { recursive: true, force: true })
  })
  return { server, dataDir }
}

/** The protocol that a client of these gets to speak, with a server that it can trust by this authority. */
async function spokenAt(address: string, ca: string, ...protocols: string[]): Promise<string | false | null> {
  const { hostname, port } = new URL(`tls://${address}`)
  const socket = connect({ host: hostname, port: Number(port), ca, ALPNProtocols: protocols })
  await once(socket, 'secureConnect')
  const { authorized, alpnProtocol } = socket
  socket.destroy()
  assert.equal(authorized, true)
  return alpnProtocol
}

test('a large file goes in and comes back over TLS as it is', async (t) => {
  const { server, dataDir } = await startSelfSigned(t)
  const ca = await readFile(join(dataDir, 'tls', 'ca.pem'), 'utf8')
  const bytes = randomBytes(6_000_001)
  const send = (method: string, url: string, headers: OutgoingHttpHeaders, body?: string | Buffer) =>
    answerOf(request(url, { method, headers, ca }).end(body))
  const field = { authorization: `Bearer ${ROOT_KEY}`, 'lightfield-version': '2026-03-01' }
  const json = { ...field, 'content-type': 'application/json' }
  const file = { filename: 'large.bin', mimeType: 'application/octet-stream', sizeBytes: bytes.length }
  const made = await send('POST', `${server.url}/v1/files`, json, JSON.stringify(file))
  const { id, uploadUrl, uploadHeaders } = JSON.parse(made.toString())
  await send('PUT', uploadUrl, { ...uploadHeaders, 'content-length': bytes.length }, bytes)
  await send('POST', `${server.url}/v1/files/${id}/complete`, field)
  const { url } = JSON.parse((await send('GET', `${server.url}/v1/files/${id}/url`, field)).toString())
  for (const body of await Promise.all([1, 2, 3, 4].map(() => send('GET', url, {}))))
    assert.equal(hash('sha256', body), hash('sha256', bytes))
})

async function answerOf(asked: ClientRequest): Promise<Buffer> {
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  assert.equal(response.statusCode, 200)
  return Buffer.concat(await response.toArray())
}

test('a start with ENTREPOT_TLS=self-signed says whom to trust; whoever does speaks HTTP/1.1 to one port and HTTP/2 to the other', async (t) => {
  const { server, dataDir } = await startSelfSigned(t)
  while (!server.output.includes('GRPC_DEFAULT_SSL_ROOTS_FILE_PATH')) await delay(POLL_MS)
  const path = /have to trust (.*):\n/.exec(server.output)?.[1]
  assert.equal(path, join(dataDir, 'tls', 'ca.pem'))
  const ca = await readFile(path, 'utf8')
  const grpcAddress = /"grpc":"([^"]+)"/.exec(server.output)?.[1] ?? ''
  assert.match(server.url, /^https:/)
  assert.equal(await spokenAt(new URL(server.url).host, ca, 'h2', 'http/1.1'), 'http/1.1')
  assert.equal(await spokenAt(grpcAddress, ca, 'h2', 'http/1.1'), 'h2')
  await assert.rejects(spokenAt(grpcAddress, ca, 'http/1.1'), /no application protocol/)
})

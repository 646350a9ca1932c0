import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Api, type RemoteFile } from '../remote/api.ts'
import { contentOf } from './content.ts'

const BYTES = randomBytes(1_000_000)
const FILE = { id: 'a', sizeBytes: BYTES.length } as RemoteFile

async function serve(
  context: TestContext,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Api> {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.close().closeAllConnections())
  return new Api({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, key: 'key' })
}

async function read(api: Api): Promise<{ bytes: Buffer; waits: number }> {
  const chunks: Uint8Array[] = []
  let waits = 0
  for await (const chunk of contentOf(api, FILE, new AbortController().signal, () => waits++))
    chunks.push(chunk)
  return { bytes: Buffer.concat(chunks), waits }
}

/** Answers like a server, and breaks off after some bytes. */
function cutting(etagOf: (request: number) => string) {
  let requests = 0
  const asked: (string | undefined)[] = []
  const handler = ({ headers }: IncomingMessage, response: ServerResponse) => {
    const etag = etagOf(requests++)
    asked.push(headers.range)
    if (headers['if-match'] !== undefined && headers['if-match'] !== etag)
      return response.writeHead(412).end()
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
    const rest = BYTES.subarray(from)
    response.writeHead(from > 0 ? 206 : 200, {
      etag,
      'content-length': rest.length,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${BYTES.length - 1}/${BYTES.length}` } : {}),
    })
    if (requests > 2) return response.end(rest)
    return response.write(rest.subarray(0, 300_000), () => setImmediate(() => response.destroy()))
  }
  return { handler, asked }
}

test('a download that is cut goes on behind the last byte', async (context) => {
  const { handler, asked } = cutting(() => '"one"')
  const { bytes, waits } = await read(await serve(context, handler))
  assert.deepEqual([bytes.equals(BYTES), waits], [true, 2])
  assert.equal(asked[0], undefined)
  assert.match(asked[1] ?? '', /^bytes=[1-9]\d*-$/)
})

test('a file that is another one after a cut is told', async (context) => {
  const { handler } = cutting((request) => `"${request}"`)
  const api = await serve(context, handler)
  await assert.rejects(read(api), { name: 'Failure', message: 'The file was changed meanwhile: try again.' })
})

// A Node server as anybody would write it: PUT streams a body to a file, GET streams it back. With BENCH_DURABLE it also
// computes SHA-256 and syncs before it answers; without, it hashes nothing and syncs nothing.
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const folder = process.env.ENTREPOT_DATA_DIR ?? '.'
const isDurable = process.env.BENCH_DURABLE !== undefined

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = join(folder, basename(request.url ?? ''))
  if (request.method === 'PUT') {
    const sha256 = isDurable ? await storeDurably(request, path) : await store(request, path)
    response.writeHead(201, { 'content-length': sha256.length }).end(sha256)
    return
  }
  response.writeHead(200, { 'content-length': (await stat(path)).size })
  await pipeline(createReadStream(path), response)
}

async function store(request: IncomingMessage, path: string): Promise<string> {
  await pipeline(request, createWriteStream(path))
  return ''
}

async function storeDurably(request: IncomingMessage, path: string): Promise<string> {
  const hash = createHash('sha256')
  request.on('data', (chunk) => hash.update(chunk))
  await pipeline(request, createWriteStream(path, { flush: true }))
  return hash.digest('hex')
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => response.destroy(error))
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(JSON.stringify({ http: `http://127.0.0.1:${port}`, msg: 'listening' }))
})

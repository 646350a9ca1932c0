import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

// Streams a body to a file and back: no digest, no fsync, no database. The yardstick of MB/s.
const path = join(process.env.ENTREPOT_DATA_DIR ?? '.', 'plain.bin')

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'PUT') {
    await pipeline(request, createWriteStream(path))
    response.writeHead(200, { 'content-length': 0 }).end()
    return
  }
  response.writeHead(200, { 'content-length': (await stat(path)).size })
  await pipeline(createReadStream(path), response)
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => response.destroy(error))
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(JSON.stringify({ http: `http://127.0.0.1:${port}`, msg: 'listening' }))
})

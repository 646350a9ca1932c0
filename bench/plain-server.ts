import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

// Streams a body to a file and the last one back: no digest, no fsync, no database. The yardstick of MB/s.
const folder = process.env.ENTREPOT_DATA_DIR ?? '.'
let files = 0

/** Each body gets a new file, and none is removed, as our server does it: to empty an old one takes time. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'PUT') {
    files++
    await pipeline(request, createWriteStream(pathOf(files)))
    response.writeHead(200, { 'content-length': 0 }).end()
    return
  }
  const path = pathOf(files)
  response.writeHead(200, { 'content-length': (await stat(path)).size })
  await pipeline(createReadStream(path), response)
}

function pathOf(file: number): string {
  return join(folder, `plain-${file}.bin`)
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => response.destroy(error))
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(JSON.stringify({ http: `http://127.0.0.1:${port}`, msg: 'listening' }))
})

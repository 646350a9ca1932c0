import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { RawConnection } from '../../test/raw-http.ts'
import { acceptJsonBodies } from './json-body.ts'
import { createHttpServer, defaultServerLimits } from './server.ts'

const MAX_MS = 200

/** Bodies that begin, or say that they will, and never end. */
const trickles: Record<string, string> = {
  'a JSON body with a length': 'content-type: application/json\r\ncontent-length: 100\r\n\r\n{"a":',
  'a JSON body in chunks': 'content-type: Application/JSON\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n',
  'a body of no type that may turn out to be empty': 'transfer-encoding: chunked\r\n\r\n',
}

for (const [name, rest] of Object.entries(trickles)) {
  test(`${name} that does not end in time ends the connection, and others are served`, async (t) => {
    const server = createHttpServer({
      limits: defaultServerLimits,
      logger: pino({ level: 'silent' }),
      dialectOf: () => '',
      onBrokenRequest: (_error, _request, response) => response.end(),
    })
    t.after(() => server.close())
    acceptJsonBodies(server, MAX_MS)
    server.post('/', { config: { access: 'public' } }, async ({ body }) => body)
    const url = await server.listen({ port: 0, host: '127.0.0.1' })
    const connection = await RawConnection.open(url)
    connection.write(`POST / HTTP/1.1\r\nhost: a\r\n${rest}`)
    assert.equal(await connection.closed(), '')
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url, { method: 'POST', body: '{"a":1}', headers })
    assert.deepEqual(await response.json(), { a: 1 })
  })
}

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { RawConnection, readAnswer } from '../../test/raw-http.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import { type Addressee, routeByDialect } from './addressee.ts'
import { createHttpServer, defaultServerLimits } from './server.ts'

function dialect(name: string, rootPath: string, claims?: Addressee['claims']): Addressee {
  const toErrorAnswer = () => ({ status: 400, headers: {}, body: { form: name } })
  return { name, rootPaths: [rootPath], toErrorAnswer, ...(claims ? { claims } : {}) }
}

const { nameOf, answererOf } = routeByDialect([
  dialect('keyed', '/v1/', ({ headers }) => (headers['x-own-key'] === undefined ? undefined : 'surely')),
  dialect('patching', '/v1/', ({ method }) => (method === 'PATCH' ? 'likely' : undefined)),
  dialect('elsewhere', '/api/'),
  dialect('last', '/v1/'),
])

let server: FastifyInstance
let url: string

before(async () => {
  server = createHttpServer({
    limits: { ...defaultServerLimits, headersMs: 300 },
    memory: new FairBudget(1),
    logger: pino({ level: 'silent' }),
    stopping: { endsConnections: false },
    dialectOf: nameOf,
    toErrorAnswer: (error, request, requestId) => answererOf(request)(error, requestId),
  })
  url = await server.listen({ host: '127.0.0.1', port: 0 })
})
after(() => server.close())

/** Sends the pieces in packets of their own. @returns the status, and in whose form the last answer is */
async function send(...pieces: readonly string[]): Promise<{ status: number; form: string }> {
  const connection = await RawConnection.open(url)
  for (const piece of pieces) {
    connection.write(piece)
    await delay(20)
  }
  const received = await connection.closed()
  const { status, body } = readAnswer(received.slice(received.lastIndexOf('HTTP/1.1 ')))
  return { status, form: JSON.parse(body).form ?? 'plain' }
}

const BROKEN = 'no header\r\n\r\n'
const manyHeaders = Array.from({ length: 64 }, (_, i) => `h${i}: ${i}\r\n`).join('')
const LARGE = 'y'.repeat(70_000)

/** Requests that Node's parser refuses, in pieces, and in whose form they are answered. */
const broken: readonly (readonly [what: string, status: number, form: string, ...pieces: string[]])[] = [
  ['its path', 400, 'elsewhere', `GET /api/x HTTP/1.1\r\nhost: a\r\n${BROKEN}`],
  ['the name in front', 400, 'patching', `GET /patching/v1/x HTTP/1.1\r\nx-own-key: k\r\n${BROKEN}`],
  ['a header before the break', 400, 'keyed', `GET /v1/x HTTP/1.1\r\nX-Own-Key:k\r\n${BROKEN}`],
  [
    'nothing, with a header behind the break',
    400,
    'last',
    `GET /v1/x HTTP/1.1\r\n${BROKEN.trim()}\r\nx-own-key: k\r\n\r\n`,
  ],
  ['its method', 400, 'patching', `PATCH /v1/x?y=a:b HTTP/1.1\r\nhost: a\r\n${BROKEN}`],
  ['nothing else', 400, 'last', `GET /v1/x HTTP/1.1\r\nhost: a\r\n${BROKEN}`],
  ['a path that is nobody’s', 400, 'plain', `GET /nowhere HTTP/1.1\r\nx-own-key: k\r\n${BROKEN}`],
  ['bytes that are no HTTP', 400, 'last', 'nonsense\r\n\r\n'],
  [
    'a header, where the path came before',
    400,
    'keyed',
    'GET /api/x HTTP/1.1\r\n',
    `x-own-key: k\r\n${BROKEN}`,
  ],
  ['a large head’s path', 431, 'elsewhere', `GET /api/x HTTP/1.1\r\n${manyHeaders}`, `x: ${LARGE}\r\n\r\n`],
  [
    'a large head’s headers',
    431,
    'keyed',
    `GET /v1/x HTTP/1.1\r\nx-own-key: k\r\n${manyHeaders}`,
    `x: ${LARGE}`,
  ],
  ['a late head’s path', 408, 'elsewhere', `GET /api/x HTTP/1.1\r\n${manyHeaders}`],
  ['nothing of a late head', 408, 'last', 'GET /v1/x HTTP/1.1\r\nhost:'],
]

for (const [what, status, form, ...pieces] of broken) {
  test(`a broken request is answered by ${what}: ${form}`, async () => {
    assert.deepEqual(await send(...pieces), { status, form })
  })
}

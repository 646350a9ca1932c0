import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { grpcCodes } from '../src/grpc/status.ts'
import { TestServer } from './harness.ts'
import { exchange, type Headings, LightfieldClient, VERSION } from './lightfield-client.ts'
import { FILES, LlamaCloudClient } from './llamacloud-client.ts'
import { codeOf, withGrpc, YandexClient } from './yandex-client.ts'
import { YANDEX_FILES, YandexRest } from './yandex-rest.ts'

const PER_SECOND = 8
const WRONG = 'ek_wrong'

let server: TestServer

before(async () => {
  server = await TestServer.start({ ...withGrpc, ENTREPOT_KEY_GUESSES_PER_SECOND: String(PER_SECOND) })
})
after(() => server.stop())
beforeEach(() => server.clock.advance({ seconds: 1 }))

/** Each way in which HTTP asks for a credential. */
const approaches: Readonly<Record<string, readonly [method: string, path: string, headers: Headings]>> = {
  'a Lightfield key': [
    'GET',
    '/v1/files',
    { authorization: `Bearer ${WRONG}`, 'lightfield-version': VERSION },
  ],
  'a Lightfield key to be validated': [
    'GET',
    '/lightfield/v1/auth/validate',
    { authorization: `Bearer ${WRONG}` },
  ],
  'a LlamaCloud key': ['GET', FILES, { authorization: `Bearer ${WRONG}` }],
  'a LlamaCloud cookie': ['GET', FILES, { cookie: `session=${WRONG}` }],
  'a key for a session': ['POST', '/session', { authorization: `Bearer ${WRONG}` }],
  'a Yandex key': ['GET', YANDEX_FILES, { authorization: `Api-Key ${WRONG}` }],
}

function approach([method, path, headers]: readonly [string, string, Headings]) {
  return exchange(method, server.url + path, undefined, headers)
}

async function exhaust(): Promise<void> {
  for (let i = 0; i < PER_SECOND; i++)
    assert.equal((await approach(['GET', FILES, { authorization: `Bearer ${WRONG}` }])).status, 401)
}

async function grpcCodeOf(authorization: string | undefined): Promise<number> {
  const client = new YandexClient(server.grpcAddress, authorization)
  try {
    return await codeOf(client.get('fvt'))
  } finally {
    client.close()
  }
}

test('each wrong credential, over HTTP and gRPC, takes a token of one bucket; beyond it the answer is 429', async () => {
  for (const [name, request] of Object.entries(approaches))
    assert.equal((await approach(request)).status, 401, name)
  for (let i = Object.keys(approaches).length; i < PER_SECOND; i++)
    assert.equal(await grpcCodeOf(`Api-Key ${WRONG}`), grpcCodes.UNAUTHENTICATED)
  for (const [name, request] of Object.entries(approaches)) {
    const { status, headers } = await approach(request)
    assert.deepEqual([status, headers.get('retry-after')], [429, '1'], name)
  }
  assert.equal(await grpcCodeOf(`Bearer ${WRONG}`), grpcCodes.RESOURCE_EXHAUSTED)
  server.clock.advance({ seconds: 1 })
  for (const [name, request] of Object.entries(approaches))
    assert.equal((await approach(request)).status, 401, name)
})

test('a right key is let in while wrong ones are refused, and takes nothing itself', async () => {
  await exhaust()
  const client = new YandexClient(server.grpcAddress, `Api-Key ${server.key}`)
  for (let i = 0; i < 2 * PER_SECOND; i++) {
    assert.equal((await new LightfieldClient(server).list()).status, 200)
    assert.equal((await new LlamaCloudClient(server).query()).status, 200)
    assert.equal((await new YandexRest(server).list()).status, 200)
    await client.list()
  }
  client.close()
  server.clock.advance({ seconds: 1 })
  for (let i = 0; i < 2 * PER_SECOND; i++)
    assert.equal((await new LlamaCloudClient(server).query()).status, 200)
  await exhaust()
})

test('who sends no credential guesses none, and a revoked key counts as a wrong one', async () => {
  const revoked = await server.newKey({ name: 'gone' })
  const { metadata } = server.app.services
  const key = (await metadata.listKeys()).find(({ name }) => name === 'gone')
  await metadata.commit([{ kind: 'key.revoke', id: key?.id ?? '', revokedAt: server.clock.now() }])
  await exhaust()
  assert.equal((await approach(['GET', FILES, { authorization: `Bearer ${revoked}` }])).status, 429)
  for (const [method, path] of Object.values(approaches))
    assert.equal((await approach([method, path, {}])).status, 401, path)
  assert.equal(await grpcCodeOf(undefined), grpcCodes.UNAUTHENTICATED)
})

test('a session that is over is ended again without a write, as a guess', async () => {
  const commit = server.app.services.metadata.commit
  const guess = { cookie: `session=${WRONG}`, origin: server.url }
  let commits = 0
  server.app.services.metadata.commit = (changes) => {
    commits++
    return commit.call(server.app.services.metadata, changes)
  }
  for (let i = 0; i < PER_SECOND; i++)
    assert.equal((await approach(['DELETE', '/session', guess])).status, 204)
  assert.equal((await approach(['DELETE', '/session', guess])).status, 429)
  server.app.services.metadata.commit = commit
  assert.equal(commits, 0)
})

test('off answers any number of wrong keys', async (t) => {
  const own = await TestServer.start({ ENTREPOT_KEY_GUESSES_PER_SECOND: 'off' })
  t.after(() => own.stop())
  const wrong = new LlamaCloudClient(own, WRONG)
  for (let i = 0; i < 150; i++) assert.equal((await wrong.query()).status, 401)
})

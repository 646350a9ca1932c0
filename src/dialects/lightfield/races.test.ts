import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { LightfieldClient, ok, putBytes } from '../../../test/lightfield-client.ts'

const ROUNDS = 50

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

test('of a complete and a cancel at once exactly one wins and the other gets 409', async () => {
  const uploads = await Promise.all(Array.from({ length: ROUNDS }, () => client.staged()))
  await Promise.all(
    uploads.map(async ({ id }, round) => {
      const both = [client.complete(id), client.cancel(id)]
      // Whichever is sent first is not the one that always wins.
      const [complete, cancel] =
        round % 2 ? await Promise.all(both) : await Promise.all(both.reverse()).then((a) => a.reverse())
      assert.deepEqual([complete?.status, cancel?.status].sort(), [200, 409])
      const loser = complete?.status === 409 ? complete : cancel
      assert.equal(loser?.error.type, 'conflict')
      assert.equal(loser?.headers.get('x-should-retry'), 'false')
      const state = complete?.status === 200 ? 'COMPLETED' : 'CANCELLED'
      assert.equal(ok(await client.retrieve(id)).status, state)
      assert.equal((await client.url(id)).status, state === 'COMPLETED' ? 200 : 409)
    }),
  )
})

test('fifty completes at once answer one and the same file', async () => {
  const { id } = await client.staged()
  const answers = await Promise.all(Array.from({ length: ROUNDS }, () => client.complete(id)))
  const [first] = answers
  for (const answer of answers) assert.deepEqual(ok(answer), first?.body)
  assert.equal(await (await fetch(await client.link(id))).text(), 'hello')
})

test('of fifty cancels at once one succeeds', async () => {
  const { id } = await client.pending()
  const answers = await Promise.all(Array.from({ length: ROUNDS }, () => client.cancel(id)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.equal(answers.filter(({ status }) => status === 409).length, ROUNDS - 1)
})

test('of several PUTs at once one is stored whole', async () => {
  const size = 100_000
  const upload = await client.pending({ sizeBytes: size })
  const letters = ['a', 'b', 'c', 'd', 'e', 'f']
  const answers = await Promise.all(letters.map((letter) => putBytes(upload, letter.repeat(size))))
  for (const { status } of answers) assert.equal(status, 200)
  ok(await client.complete(upload.id))
  const content = await (await fetch(await client.link(upload.id))).text()
  assert.equal(content, (content[0] ?? '').repeat(size))
})

test('of several PUTs at once into a write-once upload one is stored and the others get 412', async () => {
  const upload = await client.pending({ purpose: 'knowledge_user' })
  const answers = await Promise.all(['hello', 'jello', 'cello'].map((text) => putBytes(upload, text)))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412, 412])
})

test('a PUT that meets a complete is either in the file or refused, never half of each', async () => {
  await Promise.all(
    Array.from({ length: ROUNDS }, async () => {
      const upload = await client.staged('first')
      const [put, complete] = await Promise.all([putBytes(upload, 'other'), client.complete(upload.id)])
      assert.equal(complete.status, 200)
      assert.ok(put.status === 200 || put.status === 403, `${put.status}`)
      const link = await fetch(await client.link(upload.id))
      assert.match(await link.text(), put.status === 200 ? /^(other|first)$/ : /^first$/)
    }),
  )
})

test('a PUT that meets a cancel leaves the upload cancelled', async () => {
  await Promise.all(
    Array.from({ length: ROUNDS }, async () => {
      const upload = await client.pending()
      const [put, cancel] = await Promise.all([putBytes(upload), client.cancel(upload.id)])
      assert.equal(cancel.status, 200)
      assert.ok(put.status === 200 || put.status === 403, `${put.status}`)
      assert.equal((await client.complete(upload.id)).status, 409)
    }),
  )
})

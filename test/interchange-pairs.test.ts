/** A file made through any dialect is the same file in every other: each pair, from its creation to its end. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { allDialects, fileIdForms, parseFileId } from '../src/dialects/all.ts'
import { type DialectClient, dialectClients, type Offered, type Shown } from './dialect-clients.ts'
import { TestServer } from './harness.ts'
import { settledUsage } from './usage.ts'
import { done, YandexRest } from './yandex-rest.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const FILE: Offered = {
  name: 'shared ü.jsonl',
  mimeType: 'application/jsonl',
  content: '{"custom_id":"ü"}\n',
  days: 1,
}

let server: TestServer

before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

const names = allDialects.map(({ name }) => name)

function clientOf(dialect: string): DialectClient {
  const client = dialectClients(server).find((each) => each.dialect === dialect)
  return client ?? assert.fail(`no client of ${dialect}`)
}

/** The same id as another dialect prints it. */
function as(dialect: string, id: string): string {
  return fileIdForms.get(dialect)?.print(parseFileId(id) ?? '') ?? assert.fail(dialect)
}

/** Who has the file in its list, shows it or hands out its bytes. */
async function seersOf(id: string): Promise<string[]> {
  const seers: string[] = []
  for (const name of names) {
    const client = clientOf(name)
    const own = as(name, id)
    const isListed = (await client.list()).some((file) => file.id === own)
    if (isListed) seers.push(`${name} lists it`)
    if ((await client.read(own)) !== undefined) seers.push(`${name} shows it`)
    if ((await client.bytes(own)) !== undefined) seers.push(`${name} hands it out`)
  }
  return seers
}

function assertSame(shown: Shown | undefined, maker: DialectClient, reader: DialectClient, id: string): void {
  assert.ok(shown !== undefined)
  assert.equal(shown.id, as(reader.dialect, id))
  assert.equal(shown.name, FILE.name)
  if (shown.mimeType !== undefined) assert.equal(shown.mimeType, FILE.mimeType)
  if (shown.sizeBytes !== undefined) assert.equal(shown.sizeBytes, Buffer.byteLength(FILE.content))
  assert.equal(shown.purpose, reader.printPurpose?.(maker.purpose))
  const days = maker.lifeOf(FILE.days)
  const endsAt = days === null ? null : server.clock.now() + days * DAY_MS
  if (shown.endsAt !== undefined) assert.equal(shown.endsAt, endsAt)
}

for (const maker of names) {
  test(`what ${maker} made is listed, shown and downloaded by every dialect, under every form of its id`, async () => {
    const client = clientOf(maker)
    const id = await client.create(FILE)
    for (const name of names) {
      const reader = clientOf(name)
      const own = as(name, id)
      assertSame(
        (await reader.list()).find((file) => file.id === own),
        client,
        reader,
        id,
      )
      for (const form of [...names, 'uuid'])
        assertSame(await reader.read(encodeURIComponent(as(form, id))), client, reader, id)
      assert.equal(await reader.bytes(own), FILE.content, name)
    }
  })

  test(`what ${maker} made has ended in every dialect once its time is over`, async () => {
    const client = clientOf(maker)
    const id = await client.create(FILE)
    const days = client.lifeOf(FILE.days)
    server.clock.advance({ days: days ?? 365, ms: -1 })
    assert.equal((await seersOf(id)).length, 3 * names.length)
    server.clock.advance({ ms: 1 })
    const seers = days === null ? 3 * names.length : 0
    assert.equal((await seersOf(id)).length, seers, (await seersOf(id)).join('\n'))
  })

  test(`a name and an end that Yandex gives to what ${maker} made are its own in every dialect`, async () => {
    const id = encodeURIComponent(await clientOf(maker).create(FILE))
    const changes = { name: 'renamed.jsonl', expirationConfig: { expirationPolicy: 'STATIC', ttlDays: 2 } }
    done(await new YandexRest(server).update(id, { ...changes, updateMask: 'name,expirationConfig' }))
    const endsAt = server.clock.now() + 2 * DAY_MS
    for (const reader of names) {
      const shown = await clientOf(reader).read(id)
      assert.equal(shown?.name, changes.name, reader)
      if (shown?.endsAt !== undefined) assert.equal(shown.endsAt, endsAt, reader)
    }
    server.clock.advance({ days: 2 })
    assert.deepEqual(await seersOf(decodeURIComponent(id)), [])
  })

  test(`what ${maker} made is gone from every dialect once any of them has deleted it`, async () => {
    for (const deleter of names) {
      const { delete: remove } = clientOf(deleter)
      if (remove === undefined) continue
      const before = await settledUsage(server)
      const id = await clientOf(maker).create(FILE)
      await remove(as(deleter, id))
      assert.deepEqual(await seersOf(id), [], deleter)
      assert.deepEqual(await settledUsage(server), before)
    }
  })
}

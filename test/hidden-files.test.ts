import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { status as grpc } from '@grpc/grpc-js'
import { authenticate } from '../src/core/access/admit.ts'
import type { CreateFile } from '../src/core/files/create-file.ts'
import type { FileRecord } from '../src/core/files/file.ts'
import { findByAlias, hasExpired } from '../src/core/files/read-file.ts'
import { allDialects } from '../src/dialects/all.ts'
import { fileIds as lightfieldIds } from '../src/dialects/lightfield/ids.ts'
import { fileIds as llamacloudIds } from '../src/dialects/llamacloud/ids.ts'
import { fileIds as yandexIds } from '../src/dialects/yandex/ids.ts'
import { type DialectClient, dialectClients } from './dialect-clients.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient, ok } from './lightfield-client.ts'
import { LlamaCloudClient } from './llamacloud-client.ts'
import { MistralClient } from './mistral-client.ts'
import { runJobs } from './run-jobs.ts'
import { storedFile } from './stored-file.ts'
import { codeOf, withGrpc, YandexClient } from './yandex-client.ts'
import { done, YandexRest } from './yandex-rest.ts'

const V1 = '/api/v1/files'
const MISSING = '00000000-0000-7000-8000-000000000000'

/** Everything through which somebody can meet a file. */
interface Person {
  readonly key: string
  readonly field: LightfieldClient
  readonly llama: LlamaCloudClient
  readonly rest: YandexRest
  readonly grpc: YandexClient
}

let server: TestServer
let ada: Person
let bob: Person
let admin: Person

function personOf(key: string): Person {
  const authorization = `Api-Key ${key}`
  return {
    key,
    field: new LightfieldClient(server, key),
    llama: new LlamaCloudClient(server, key),
    rest: new YandexRest(server, authorization),
    grpc: new YandexClient(server.grpcAddress, authorization),
  }
}

before(async () => {
  server = await TestServer.start(withGrpc)
  const member = (userId: string) => server.newKey({ userId, role: 'member' })
  ada = personOf(await member('ada'))
  bob = personOf(await member('bob'))
  admin = personOf(server.key)
})
after(async () => {
  for (const { grpc } of [ada, bob, admin]) grpc.close()
  await server.stop()
})

function hide(given: Partial<CreateFile> = {}): Promise<FileRecord> {
  return storedFile(server, ada.key, {
    visibility: 'subject',
    name: 'diary.txt',
    externalId: 'diary',
    ...given,
  })
}

/** The ids that somebody is told by each way to list, and each number that is told with them. */
async function listings({ field, llama, rest, grpc }: Person, { name }: FileRecord) {
  const parse = server.app.services.parseFileId
  const lightfield = ok(await field.list('?limit=100'))
  const queries = [{}, { filter: { file_name: name } }, { filter: { external_file_id: 'diary' } }]
  const pages = await Promise.all(queries.map(async (query) => ok(await llama.query(query))))
  const v1 = ok(await llama.send<readonly { id: string }[]>('GET', V1))
  const yandex = done(await rest.list())
  const lists = [
    lightfield.data,
    ...pages.map(({ items }) => items),
    v1,
    yandex.files ?? [],
    await grpc.listAll(),
  ]
  assert.equal(lightfield.totalCount, lightfield.data.length)
  for (const { items, total_size } of pages) assert.equal(total_size, items.length)
  return lists.map((files) => files.map(({ id }) => parse(id)))
}

/** What each request for one file answers: a status, or a code of gRPC. */
async function answers({ field, llama, rest, grpc }: Person, id: string): Promise<readonly number[]> {
  const [mine, theirs, yandex] = [lightfieldIds, llamacloudIds, yandexIds].map(({ print }) => print(id))
  if (!mine || !theirs || !yandex) return assert.fail()
  const overHttp = [
    field.retrieve(mine),
    field.url(mine),
    field.complete(mine),
    field.cancel(mine),
    llama.get(`/${theirs}`),
    llama.get(`/${theirs}/content`),
    llama.send('GET', `${V1}/${theirs}`),
    llama.send('GET', `${V1}/${theirs}/content`),
    rest.get(yandex),
    rest.ask('GET', `/files/v1/files:getUrl?fileId=${yandex}`),
    rest.update(yandex, { updateMask: 'name', name: 'seen.txt' }),
  ]
  const statuses = (await Promise.all(overHttp)).map(({ status }) => status)
  const calls = [grpc.get(yandex), grpc.url(yandex), grpc.update(yandex, ['name'], { name: 'seen.txt' })]
  return [...statuses, ...(await Promise.all(calls.map(codeOrOk)))]
}

async function codeOrOk(call: Promise<unknown>): Promise<number> {
  return call.then(
    () => grpc.OK,
    () => codeOf(call),
  )
}

test('a hidden file is listed and counted for its creator and admins, and for nobody else', async () => {
  const file = await hide()
  const open = await storedFile(server, bob.key, { externalId: 'diary', name: 'diary.txt' })
  // Twice, since listings are kept.
  for (const _ of [1, 2]) {
    for (const person of [ada, admin])
      for (const ids of await listings(person, file))
        assert.deepEqual(new Set(ids), new Set([file.id, open.id]))
    for (const ids of await listings(bob, file)) assert.deepEqual(ids, [open.id])
  }
})

test('a hidden file answers everybody else exactly as one that never existed', async () => {
  const file = await hide()
  assert.deepEqual(await answers(bob, file.id), await answers(bob, MISSING))
  const theirs = await answers(ada, file.id)
  assert.deepEqual(await answers(admin, file.id), theirs)
  assert.notDeepEqual(theirs, await answers(bob, file.id))
  // A link that its creator gave away is a credential of its own.
  const { url } = ok(await ada.field.url(lightfieldIds.print(file.id)))
  assert.equal(await (await fetch(url)).text(), 'hello')
})

test('an answer about a hidden file is repeated to those alone who see it', async () => {
  const id = lightfieldIds.print((await hide()).id)
  const once = { 'idempotency-key': 'about a hidden file' }
  const answer = await ada.field.complete(id, {}, once)
  assert.equal(answer.status, 200, answer.text)
  assert.equal((await ada.field.complete(id, {}, once)).text, answer.text)
  assert.equal((await bob.field.complete(id, {}, once)).status, 404)
  assert.equal((await admin.field.complete(id, {}, once)).text, answer.text)
})

test('the alias of a hidden file finds it for those who see it, and is taken for all', async () => {
  const { services } = server.app
  const file = await hide({ alias: 'hidden-alias' })
  const find = async ({ key }: Person) =>
    findByAlias(services, await authenticate(services, key), 'hidden-alias')
  assert.equal((await find(ada)).id, file.id)
  assert.equal((await find(admin)).id, file.id)
  await assert.rejects(find(bob), { code: 'file-not-found' })
  await assert.rejects(storedFile(server, bob.key, { alias: 'hidden-alias' }), { code: 'name-taken' })
})

test('whether a hidden file has expired is known to those alone who saw it', async () => {
  const { services } = server.app
  const at = server.clock.now() + 1000
  const expired = await hide({ expiry: { policy: 'at', at } })
  const deleted = await hide({ expiry: { policy: 'at', at } })
  await ada.rest.delete(yandexIds.print(deleted.id))
  const told = async ({ key }: Person, id: string) =>
    hasExpired(services, await authenticate(services, key), id)
  assert.equal(await told(ada, expired.id), false)
  server.clock.advance({ seconds: 1 })
  // Before and after the job.
  for (const _ of [1, 2]) {
    assert.deepEqual([await told(ada, expired.id), await told(admin, expired.id)], [true, true])
    assert.equal(await told(bob, expired.id), false)
    assert.equal(await told(ada, deleted.id), false)
    assert.equal(await told(ada, MISSING), false)
    await runJobs(server)
  }
})

test('a hidden file is deleted by its creator or an admin alone', async () => {
  const [first, second] = [await hide(), await hide()]
  for (const { id } of [first, second]) {
    const statuses = [
      await bob.llama.delete(llamacloudIds.print(id)),
      await bob.rest.delete(yandexIds.print(id)),
    ]
    assert.deepEqual(
      statuses.map(({ status }) => status),
      [404, 404],
    )
    assert.equal(await codeOf(bob.grpc.delete(yandexIds.print(id))), grpc.NOT_FOUND)
  }
  assert.equal((await ada.rest.delete(yandexIds.print(first.id))).status, 200)
  assert.equal((await admin.rest.delete(yandexIds.print(second.id))).status, 200)
})

/** One person's client of a dialect, and the file's id as that dialect prints it. */
function clientOf(dialect: string, { key }: Person): DialectClient {
  const clients = dialectClients({ url: server.url, key })
  return clients.find((each) => each.dialect === dialect) ?? assert.fail(`no client of ${dialect}`)
}

/** How a person meets a file through a dialect: in the list, by its id, by its bytes. */
async function meets(client: DialectClient, id: string): Promise<readonly boolean[]> {
  const listed = (await client.list()).some((file) => server.app.services.parseFileId(file.id) === id)
  return [listed, (await client.read(id)) !== undefined, (await client.bytes(id)) !== undefined]
}

for (const { name, fileIds } of allDialects)
  test(`a file that was uploaded with the visibility user is met through ${name} by its user and admins, and by nobody else`, async () => {
    const { id } = await new MistralClient(server, ada.key).stored('hidden', 'diary.jsonl', {
      visibility: 'user',
    })
    for (const [person, isMet] of [
      [ada, true],
      [bob, false],
      [admin, true],
    ] as const)
      assert.deepEqual(await meets(clientOf(name, person), id), [isMet, isMet, isMet])
    const printed = fileIds.print(id)
    const theirs = clientOf(name, bob)
    if (theirs.delete) await assert.rejects(theirs.delete(printed))
    assert.deepEqual(await meets(clientOf(name, admin), id), [true, true, true])
    await clientOf(name, ada).delete?.(printed)
  })

test('what was uploaded with the visibility user answers the updates of others as if it did not exist', async () => {
  const { id } = await new MistralClient(server, ada.key).stored('hidden', 'diary.txt', {
    visibility: 'user',
  })
  assert.deepEqual(await answers(bob, id), await answers(bob, MISSING))
  assert.deepEqual(await answers(admin, id), await answers(ada, id))
})

test('what acts for a project sees what it hid, and a user of that project does not', async () => {
  const robot = personOf(await server.newKey({ userId: null, role: 'member' }))
  const file = await storedFile(server, robot.key, { visibility: 'subject' })
  assert.equal((await robot.rest.get(yandexIds.print(file.id))).status, 200)
  assert.equal((await bob.rest.get(yandexIds.print(file.id))).status, 404)
  robot.grpc.close()
})

test('nothing is hidden while a server lives that would show it', async (t) => {
  t.mock.getter(server.app.services.metadata, 'hidesFiles', () => false)
  await assert.rejects(hide(), { code: 'storage-unavailable' })
  await storedFile(server, ada.key)
})

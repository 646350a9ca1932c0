import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { fileIdForms, parseFileId } from '../src/dialects/all.ts'
import type { FileBody } from '../src/dialects/llamacloud/wire.ts'
import { TestServer } from './harness.ts'
import { announcing, LightfieldClient, ok, putBytes } from './lightfield-client.ts'
import { filePart, LlamaCloudClient, purposePart } from './llamacloud-client.ts'
import { done, YandexRest } from './yandex-rest.ts'

// One file, whichever API made it: the two directions between Lightfield and LlamaCloud in detail are in
// interchange.test.ts, all pairs of dialects in interchange-pairs.test.ts; here is what only Yandex has.

const CONTENT = 'one file, three flags'
const NAME = 'shared ü.txt'

let server: TestServer
let llama: LlamaCloudClient
let field: LightfieldClient
let yandex: YandexRest

beforeEach(async () => {
  server = await TestServer.start()
  llama = new LlamaCloudClient(server)
  field = new LightfieldClient(server)
  yandex = new YandexRest(server)
})
afterEach(() => server.stop())

function as(form: string, id: string): string {
  const parsed = parseFileId(id)
  assert.ok(parsed !== undefined)
  return fileIdForms.get(form)?.print(parsed) ?? assert.fail(form)
}

/** What every API shows of a file, and its bytes by its own link. */
interface Seen {
  readonly id: string
  readonly name: string
  readonly content: string
  /** The ids of the listing. */
  readonly listed: readonly string[]
}

interface Api {
  readonly form: string
  readonly make: () => Promise<string>
  /** Undefined: the API answers that there is no such file, whatever it is asked. */
  readonly see: (id: string) => Promise<Seen | undefined>
}

const apis: Readonly<Record<'lightfield' | 'llamacloud' | 'yandex', Api>> = {
  lightfield: {
    form: 'lightfield',
    make: async () => (await field.stored(CONTENT, { filename: NAME })).id,
    see: async (id) => {
      const [shown, link] = [await field.retrieve(id), await field.url(id)]
      if (shown.status === 404 && link.status === 404) return undefined
      const { filename } = ok(shown)
      const listed = ok(await field.list()).data.map((file) => file.id)
      return { id: ok(shown).id, name: filename, content: await textAt(ok(link).url), listed }
    },
  },
  llamacloud: {
    form: 'llamacloud',
    make: async () => (await llama.stored(CONTENT, NAME)).id,
    see: async (id) => {
      const shown = await llama.get<FileBody>(`/${id}`)
      const link = await llama.get<{ url: string }>(`/${id}/content`)
      if (shown.status === 404 && link.status === 404) return undefined
      const listed = (await llama.query()).body.items.map((file) => file.id)
      return { id: shown.body.id, name: shown.body.name, content: await textAt(link.body.url), listed }
    },
  },
  yandex: {
    form: 'yandex',
    make: async () => (await yandex.stored(CONTENT, { name: NAME })).id,
    see: async (id) => {
      const shown = await yandex.get(id)
      if (shown.status === 404) {
        assert.equal((await yandex.ask('GET', `/files/v1/files:getUrl?fileId=${id}`)).status, 404)
        return undefined
      }
      const listed = done(await yandex.list()).files.map((file) => file.id)
      const file = done(shown)
      return { id: file.id, name: file.name, content: await yandex.download(id), listed }
    },
  },
}

async function textAt(url: string): Promise<string> {
  const answer = await fetch(url)
  assert.equal(answer.status, 200)
  return answer.text()
}

/** Every body that shows the file, and the tag of its bytes, without its ids. */
async function shownOf(id: string): Promise<unknown[]> {
  const bodies = [ok(await field.retrieve(id)), (await llama.get(`/${id}`)).body, done(await yandex.get(id))]
  const { headers } = await fetch(await field.link(id), { method: 'HEAD' })
  return [...bodies.map((body) => ({ ...body, id: undefined })), headers.get('etag')]
}

test('a file whose digest was announced looks like any other in every API', async () => {
  const fields = { filename: NAME, sizeBytes: Buffer.byteLength(CONTENT) }
  const upload = ok(await field.create(fields, announcing(CONTENT)))
  assert.equal((await putBytes(upload, CONTENT)).status, 200)
  const { id } = ok(await field.complete(upload.id))
  assert.deepEqual(await shownOf(id), await shownOf(await apis.lightfield.make()))
})

for (const [maker, { make }] of Object.entries(apis)) {
  test(`what ${maker} made can be named, described and labelled through Yandex, and others read it as before`, async () => {
    const made = await make()
    const labels = { team: 'a', ключ: 'да' }
    const updateMask = 'name,description,labels'
    const changed = done(
      await yandex.update(made, { updateMask, name: 'renamed', description: 'of all', labels }),
    )
    for (const { form, see } of Object.values(apis)) {
      const seen = await see(made)
      assert.deepEqual([seen?.id, seen?.name, seen?.content], [as(form, made), 'renamed', CONTENT])
    }
    // Reading, listing and completing it elsewhere has left everything as it was.
    if (maker === 'lightfield') ok(await field.complete(made))
    assert.deepEqual(done(await yandex.get(made)), changed)
    assert.deepEqual([changed.description, changed.labels], ['of all', labels])
  })
}

/** There for all until then, and for nobody from then on. */
async function assertEndsAfter({ hours }: { readonly hours: number }, id: string): Promise<void> {
  const link = await yandex.url(id)
  server.clock.advance({ hours, ms: -1 })
  for (const { form, see } of Object.values(apis)) assert.deepEqual((await see(id))?.listed, [as(form, id)])
  server.clock.advance({ ms: 1 })
  for (const { see } of Object.values(apis)) assert.equal(await see(id), undefined)
  assert.deepEqual(ok(await field.list()).data, [])
  assert.deepEqual((await llama.query()).body.items, [])
  assert.deepEqual(done(await yandex.list()).files, [])
  assert.ok([403, 404].includes((await fetch(link)).status))
}

test('seven days without activity, Yandex’s default, end a file for all', async () => {
  const { id, expiresAt } = await yandex.stored(CONTENT, { name: NAME })
  assert.equal(
    Date.parse((await llama.get<FileBody>(`/${id}`)).body.expires_at ?? ''),
    Date.parse(expiresAt ?? ''),
  )
  await assertEndsAfter({ hours: 7 * 24 }, id)
})

test('an end that LlamaCloud sets by purpose is shown by Yandex to the instant, and honoured by all', async () => {
  const { body } = await llama.upload([purposePart('parse'), filePart(CONTENT)])
  const file = done(await yandex.get(body.id))
  assert.deepEqual(file.expirationConfig, { expirationPolicy: 'STATIC', ttlDays: '2' })
  assert.equal(Date.parse(file.expiresAt ?? ''), Date.parse(body.expires_at ?? ''))
  await assertEndsAfter({ hours: 48 }, body.id)
})

test('a file without an end has none in Yandex, and a policy all the same', async () => {
  for (const id of [(await llama.stored(CONTENT)).id, (await field.stored(CONTENT)).id]) {
    const file = done(await yandex.get(id))
    assert.equal(file.expiresAt, null)
    assert.deepEqual(file.expirationConfig, { expirationPolicy: 'STATIC', ttlDays: '0' })
    server.clock.advance({ days: 3650 })
    assert.equal(await yandex.download(id), CONTENT)
  }
})

test('a pending upload is nothing to Yandex until it is completed', async () => {
  const upload = await field.staged(CONTENT, { filename: NAME })
  assert.equal(await apis.yandex.see(upload.id), undefined)
  assert.deepEqual(done(await yandex.list()).files, [])
  assert.equal((await yandex.update(upload.id, { updateMask: 'name', name: 'x' })).status, 404)
  assert.equal((await yandex.delete(upload.id)).status, 404)
  ok(await field.complete(upload.id))
  assert.equal((await apis.yandex.see(upload.id))?.content, CONTENT)
})

test('a purpose and an external id that LlamaCloud gave survive an update through Yandex', async () => {
  const made = await llama.stored(CONTENT, NAME, { external_file_id: 'x/1' })
  done(await yandex.update(made.id, { updateMask: 'name', name: 'renamed.txt' }))
  const { body } = await llama.get<FileBody>(`/${made.id}`)
  assert.deepEqual([body.name, body.purpose, body.external_file_id], ['renamed.txt', made.purpose, 'x/1'])
})

test('a name that was never given is none in Lightfield, and one made of the id in LlamaCloud, which has to tell one', async () => {
  const { id } = await yandex.stored(CONTENT)
  assert.equal((await apis.lightfield.see(id))?.name, '')
  assert.equal((await apis.llamacloud.see(id))?.name, `${as('uuid', id)}.txt`)
})

test('none shows the others what belongs to another tenant', async () => {
  const { key, project } = await server.newTenant('neighbour')
  const theirs = new YandexRest(server, `Bearer ${key}`)
  const { id } = await theirs.stored(CONTENT, { folderId: project.id })
  for (const { see } of Object.values(apis)) assert.equal(await see(id), undefined)
})

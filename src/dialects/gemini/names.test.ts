import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { command, GeminiClient, type StatusBody } from '../../../test/gemini-client.ts'
import { TestServer } from '../../../test/harness.ts'
import { fileIdForms } from '../all.ts'

let server: TestServer
let client: GeminiClient

before(async () => {
  server = await TestServer.start()
  client = new GeminiClient(server)
})
after(() => server.stop())

const start = (name: unknown) => client.start({ name, sizeBytes: 5 })

test('a name is what its client chose, with files/ in front or without', async () => {
  for (const [given, name] of [
    ['files/my-file', 'files/my-file'],
    ['another', 'files/another'],
    ['0', 'files/0'],
    ['a'.repeat(40), `files/${'a'.repeat(40)}`],
    ['a--b', 'files/a--b'],
  ] as const) {
    const url = await client.started(5, { name: given, mimeType: 'text/plain' })
    const { file } = (await command(url, 'upload, finalize', 'hello')).body
    assert.equal(file.name, name)
    assert.equal((await client.get(`/v1/${name}`)).body.name, name)
    assert.equal(await client.content(name), 'hello')
    // The SDK of the vendor reads no dash in a URI.
    const generated = new URL(file.uri).pathname
    assert.match(generated, /^\/v1beta\/files\/[0-9a-f]{32}$/)
    assert.equal((await client.get(generated)).body.name, name)
    assert.equal((await client.send('DELETE', `/v1/${name}`)).status, 200)
    assert.equal((await client.get(`/v1/${name}`)).status, 403)
  }
})

test('what is no name, or could be an id of any dialect, is refused', async () => {
  const uuid = '019d6cf6-b200-7f13-984f-b9c41faf4add'
  const ids = [...fileIdForms.values()].map((form) => form.print(uuid))
  const names = [
    '-a',
    'a-',
    '-',
    'A',
    'a_b',
    'a b',
    'a.b',
    'a/b',
    'ä',
    'a'.repeat(41),
    'files/',
    'files/files/a',
  ]
  for (const name of [...names, ...ids, uuid.replaceAll('-', ''), 7, ['a']]) {
    const { status, body } = await start(name)
    assert.deepEqual([status, body.error.status], [400, 'INVALID_ARGUMENT'], String(name))
  }
})

test('a name that is taken is refused, from the start of an upload to the end of its file', async () => {
  const url = await client.started(5, { name: 'taken' })
  const refused = async () => {
    const { status, body } = await start('files/taken')
    const message = 'File files/taken already exists.'
    assert.deepEqual([status, body.error], [409, { code: 409, message, status: 'ALREADY_EXISTS' }])
  }
  await refused()
  const raw = await client.send<{ error: StatusBody }>(
    'POST',
    '/upload/v1/files?uploadType=multipart',
    related('taken'),
    {
      'content-type': 'multipart/related; boundary=b',
    },
  )
  assert.deepEqual([raw.status, raw.body.error.status], [409, 'ALREADY_EXISTS'])
  await command(url, 'upload, finalize', 'hello')
  await refused()
  server.clock.advance({ hours: 48 })
  assert.equal((await start('taken')).status, 200)
})

test('another project may have the same name', async () => {
  await client.stored('mine', { name: 'shared' })
  const { key } = await server.newTenant('other')
  const other = new GeminiClient(server, key)
  await other.stored('theirs', { name: 'shared' })
  assert.deepEqual(
    [await client.content('files/shared'), await other.content('files/shared')],
    ['mine', 'theirs'],
  )
})

function related(name: string): string {
  return `--b\r\n\r\n{"file":{"name":"${name}"}}\r\n--b\r\n\r\nhello\r\n--b--`
}

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import {
  type Answer,
  type CreateFields,
  LightfieldClient,
  ok,
  putBytes,
} from '../../../test/lightfield-client.ts'
import { loadConfig } from '../../app/settings.ts'

const MIB = 1024 * 1024

let server: TestServer
/** By who holds the key. */
let clients: Record<'admin' | 'member' | 'workspace' | 'workspace admin', LightfieldClient>

before(async () => {
  server = await TestServer.start()
  const holding = async (userId: string | null, role: 'admin' | 'member') =>
    new LightfieldClient(server, await server.newKey({ userId, role }))
  clients = {
    admin: await holding('ada', 'admin'),
    member: await holding('mia', 'member'),
    workspace: await holding(null, 'member'),
    'workspace admin': await holding(null, 'admin'),
  }
})
after(() => server.stop())

function outcome({ status, error }: Answer<unknown>): string {
  return status === 200 ? '200' : [status, error.type, error.param].filter(Boolean).join(' ')
}

const transcriptTypes = [
  'text/plain',
  'text/vtt',
  'text/srt',
  'application/x-subrip',
  'text/markdown',
  'application/json',
  'application/pdf',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
]
const otherTypes = [
  'image/png',
  'text/html',
  'application/zip',
  'video/mp4',
  'mimeType',
  'text/plainer',
  'text',
]
const badType = '422 unprocessable_content mimeType'
const badSize = '422 unprocessable_content sizeBytes'

test('a meeting transcript is of one of eight types', async () => {
  const purpose = 'meeting_transcript'
  for (const mimeType of transcriptTypes)
    assert.equal(outcome(await clients.member.create({ purpose, mimeType })), '200', mimeType)
  for (const mimeType of otherTypes)
    assert.equal(outcome(await clients.member.create({ purpose, mimeType })), badType, mimeType)
})

test('MIME types are compared without parameters and letter case, and come back as sent', async () => {
  for (const mimeType of ['text/plain; charset=utf-8', 'Text/PLAIN', 'TEXT/VTT;x="a;b"', 'text/plain ;a=b']) {
    const file = ok(await clients.member.create({ purpose: 'meeting_transcript', mimeType }))
    assert.equal(file.mimeType, mimeType)
    assert.deepEqual(file.uploadHeaders, { 'content-type': mimeType })
    assert.equal((await putBytes(file)).status, 200)
  }
})

test('every other purpose, and none, takes any type', async () => {
  for (const purpose of [undefined, 'knowledge_user', 'knowledge_workspace', 'email_attachment']) {
    for (const mimeType of [...transcriptTypes.slice(0, 1), ...otherTypes])
      assert.equal(
        outcome(await clients.admin.create({ purpose, mimeType })),
        '200',
        `${purpose} ${mimeType}`,
      )
  }
})

const largest: readonly (readonly [string | undefined, number, string])[] = [
  [undefined, 536_870_912, '400 bad_request sizeBytes'],
  ['meeting_transcript', 10 * MIB, badSize],
  ['knowledge_user', 100 * MIB, badSize],
  ['knowledge_workspace', 100 * MIB, badSize],
  ['email_attachment', 20 * MIB, badSize],
]

for (const [purpose, sizeBytes, refusal] of largest) {
  test(`${purpose ?? 'no purpose'} takes ${sizeBytes} bytes and not one more`, async () => {
    assert.equal(outcome(await clients.admin.create({ purpose, sizeBytes })), '200')
    assert.equal(outcome(await clients.admin.create({ purpose, sizeBytes: sizeBytes + 1 })), refusal)
  })
}

test('a size that no file may have is 400 whatever the purpose', async () => {
  for (const [purpose] of largest) {
    for (const sizeBytes of [0, 536_870_913])
      assert.equal(outcome(await clients.admin.create({ purpose, sizeBytes })), '400 bad_request sizeBytes')
  }
})

const allowed: Record<string, Record<keyof typeof clients, boolean>> = {
  none: { admin: true, member: true, workspace: true, 'workspace admin': true },
  meeting_transcript: { admin: true, member: true, workspace: true, 'workspace admin': true },
  email_attachment: { admin: true, member: true, workspace: true, 'workspace admin': true },
  knowledge_user: { admin: true, member: true, workspace: false, 'workspace admin': false },
  knowledge_workspace: { admin: true, member: false, workspace: false, 'workspace admin': false },
}

for (const [purpose, holders] of Object.entries(allowed)) {
  for (const [holder, isAllowed] of Object.entries(holders)) {
    test(`the key of a ${holder} may ${isAllowed ? '' : 'not '}upload for ${purpose}`, async () => {
      const client = clients[holder as keyof typeof clients]
      const answer = await client.create(purpose === 'none' ? {} : { purpose })
      assert.equal(outcome(answer), isAllowed ? '200' : '403 forbidden')
    })
  }
}

test('the purpose is shown nowhere', async () => {
  const created = await clients.admin.stored('hello', { purpose: 'email_attachment' })
  const listed = ok(await clients.admin.list())
  for (const shown of [created, ok(await clients.admin.retrieve(created.id)), listed])
    assert.doesNotMatch(JSON.stringify(shown), /purpose|email_attachment/)
})

const stamps: readonly (readonly [string, string, string])[] = [
  ['playbook.md', 'playbook_', '.md'],
  ['archive.tar.gz', 'archive.tar_', '.gz'],
  ['README', 'README_', ''],
  ['.env', '.env_', ''],
  ['.config.json', '.config_', '.json'],
  ['trailing.', 'trailing_', '.'],
  ['..', '._', '.'],
  ['a b/c\\d.txt', 'a b/c\\d_', '.txt'],
  ['übersicht 📁.pdf', 'übersicht 📁_', '.pdf'],
  [`${'n'.repeat(252)}.md`, `${'n'.repeat(252)}_`, '.md'],
  ['😀'.repeat(255), `${'😀'.repeat(255)}_`, ''],
]

for (const [filename, start, end] of stamps) {
  const shown = filename.length > 40 ? `of ${[...filename].length} characters` : filename
  test(`the knowledge name ${shown} is stamped before its last extension`, async () => {
    const stamped = `${start}${server.clock.now()}${end}`
    for (const purpose of ['knowledge_user', 'knowledge_workspace']) {
      const created = ok(await clients.admin.create({ filename, purpose }))
      assert.equal(created.filename, stamped)
      assert.equal(ok(await clients.admin.retrieve(created.id)).filename, stamped)
    }
    for (const purpose of [undefined, 'meeting_transcript', 'email_attachment'])
      assert.equal(ok(await clients.admin.create({ filename, purpose })).filename, filename)
  })
}

test('knowledge is uploaded with if-none-match, once', async () => {
  const fields: CreateFields = { purpose: 'knowledge_user' }
  const upload = ok(await clients.admin.create(fields))
  assert.deepEqual(upload.uploadHeaders, { 'content-type': 'text/plain', 'if-none-match': '*' })
  assert.equal((await putBytes(upload, 'hello', { 'if-none-match': undefined })).status, 403)
  assert.equal((await putBytes(upload, 'hello', { 'if-none-match': '"x"' })).status, 403)
  assert.equal((await putBytes(upload)).status, 200)
  assert.equal((await putBytes(upload, 'jello')).status, 412)
  assert.equal((await putBytes(upload, 'hello', { 'if-none-match': undefined })).status, 403)
  ok(await clients.admin.complete(upload.id))
  assert.equal(await (await fetch(await clients.admin.link(upload.id))).text(), 'hello')
})

test('any other upload is replaced by a second PUT, unless that says if-none-match', async () => {
  const upload = await clients.admin.staged('first')
  assert.equal((await putBytes(upload, 'other')).status, 200)
  assert.equal((await putBytes(upload, 'third', { 'if-none-match': '*' })).status, 412)
  ok(await clients.admin.complete(upload.id))
  assert.equal(await (await fetch(await clients.admin.link(upload.id))).text(), 'other')
})

test('an operator changes types, sizes, holders and stamping of a purpose', async (t) => {
  const overrides = {
    meeting_transcript: { mimeTypes: ['audio/mpeg'], maxBytes: 1 },
    email_attachment: { holder: 'admin', stamped: true },
    knowledge_workspace: { holder: 'anyone', mimeTypes: null, stamped: false },
  }
  const other = await TestServer.start({ ENTREPOT_LIGHTFIELD_PURPOSES: JSON.stringify(overrides) })
  t.after(() => other.stop())
  const client = new LightfieldClient(other, await other.newKey({ role: 'member', userId: null }))
  const transcript = { purpose: 'meeting_transcript', mimeType: 'audio/mpeg', sizeBytes: 1 }
  assert.equal(outcome(await client.create(transcript)), '200')
  assert.equal(outcome(await client.create({ ...transcript, sizeBytes: 2 })), badSize)
  assert.equal(outcome(await client.create({ ...transcript, mimeType: 'text/plain' })), badType)
  assert.equal(outcome(await client.create({ purpose: 'email_attachment' })), '403 forbidden')
  assert.match(
    ok(await new LightfieldClient(other).create({ purpose: 'email_attachment' })).filename,
    /^notes_\d{13}\.txt$/,
  )
  assert.equal(ok(await client.create({ purpose: 'knowledge_workspace' })).filename, 'notes.txt')
  assert.equal(outcome(await client.create({ purpose: 'knowledge_user' })), '403 forbidden')
})

test('a purpose that does not exist cannot be changed', () => {
  assert.throws(
    () => loadConfig({ ENTREPOT_LIGHTFIELD_PURPOSES: '{"assistants":{}}' }),
    /^ConfigError: ENTREPOT_LIGHTFIELD_PURPOSES is wrong. There is no Lightfield purpose "assistants"/,
  )
})

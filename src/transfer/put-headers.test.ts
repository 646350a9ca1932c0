import assert from 'node:assert/strict'
import { createHash, hash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { TestServer } from '../../test/harness.ts'
import {
  assertRefusal,
  CONTENT,
  type CreatedFile,
  type Headings,
  LightfieldClient,
  md5Of,
  ok,
  putBytes,
} from '../../test/lightfield-client.ts'
import { keptBytes, settledBytes } from '../../test/upload.harness.ts'
import { crc32c } from '../intake/crc32c.ts'

let server: TestServer
let client: LightfieldClient

before(async () => {
  server = await TestServer.start()
  client = new LightfieldClient(server)
})
after(() => server.stop())

/** Digests of bytes in base64, by names of our own. */
function digestsOf(bytes: Uint8Array | string) {
  const ofCrc = (crc: number) => Buffer.from(crc.toString(16).padStart(8, '0'), 'hex').toString('base64')
  const ofHash = (algorithm: string) => createHash(algorithm).update(bytes).digest('base64')
  return {
    md5: ofHash('md5'),
    sha1: ofHash('sha1'),
    sha256: ofHash('sha256'),
    sha512: ofHash('sha512'),
    crc32: ofCrc(crc32(bytes)),
    crc32c: ofCrc(crc32c(Buffer.from(bytes))),
  }
}

type Digests = ReturnType<typeof digestsOf>

/** Every way to tell a digest: headers that tell those of some bytes. */
const tellings: Record<string, (of: Digests) => Headings> = {
  'Content-MD5': ({ md5 }) => ({ 'content-md5': md5 }),
  'Content-Digest md5': ({ md5 }) => ({ 'content-digest': `md5=:${md5}:` }),
  'Content-Digest sha': ({ sha1 }) => ({ 'content-digest': `sha=:${sha1}:` }),
  'Content-Digest sha-256': ({ sha256 }) => ({ 'content-digest': `sha-256=:${sha256}:` }),
  'Content-Digest sha-512': ({ sha512 }) => ({ 'content-digest': `sha-512=:${sha512}:;x=1` }),
  'Content-Digest crc32': ({ crc32 }) => ({ 'content-digest': `crc32=:${crc32}:` }),
  'Content-Digest crc32c': ({ crc32c }) => ({ 'content-digest': `crc32c=:${crc32c}:` }),
  'Repr-Digest sha-256': ({ sha256 }) => ({ 'repr-digest': `sha-256=:${sha256}:` }),
  'Repr-Digest with others': ({ sha512 }) => ({
    'repr-digest': `unixsum=:GQU=:, x="a,b\\"c";y , sha-512=:${sha512}:,adler=(1 2);z=?0`,
  }),
  'x-amz-checksum-md5': ({ md5 }) => ({ 'x-amz-checksum-md5': md5 }),
  'x-amz-checksum-sha1': ({ sha1 }) => ({ 'x-amz-checksum-sha1': sha1 }),
  'x-amz-checksum-sha256': ({ sha256 }) => ({ 'x-amz-checksum-sha256': sha256 }),
  'x-amz-checksum-sha512': ({ sha512 }) => ({ 'X-Amz-Checksum-Sha512': sha512 }),
  'x-amz-checksum-crc32': ({ crc32 }) => ({ 'x-amz-checksum-crc32': crc32 }),
  'x-amz-checksum-crc32c': ({ crc32c }) => ({ 'x-amz-checksum-crc32c': crc32c }),
}

/** A body that is hashed where it is, and one that goes through a worker in several slabs. */
const bodies = { small: Buffer.from(CONTENT), large: randomBytes(700_001) }

for (const [name, telling] of Object.entries(tellings)) {
  test(`a PUT whose ${name} fits is stored; one whose does not gets 400 and stores nothing`, async () => {
    for (const bytes of Object.values(bodies)) {
      const upload = await client.pending({ sizeBytes: bytes.byteLength })
      const before = await keptBytes(server)
      const changed = Buffer.from(bytes)
      changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
      const refused = await putBytes(upload, bytes, telling(digestsOf(changed)))
      assertRefusal(refused, [400, 'bad_request', 'digest_mismatch'])
      assert.deepEqual(await settledBytes(server, before), before)
      assert.equal((await client.complete(upload.id)).status, 422)
      const taken = await putBytes(upload, bytes, telling(digestsOf(bytes)))
      assert.equal(taken.status, 200, taken.text)
      assert.equal(ok(await client.complete(upload.id, { md5: md5Of(bytes) })).status, 'COMPLETED')
    }
  })
}

test('of several digests one that does not fit is enough, and what was put before stays', async () => {
  const upload = await client.staged('first')
  const { md5, sha256, crc32c } = digestsOf('other')
  const told = { 'content-md5': md5, 'content-digest': `sha-256=:${sha256}:` }
  const wrong = { ...told, 'x-amz-checksum-crc32c': digestsOf('first').crc32c }
  assert.equal((await putBytes(upload, 'other', wrong)).status, 400)
  assert.equal(ok(await client.complete(upload.id, { md5: md5Of('first') })).status, 'COMPLETED')
  const again = await client.staged('first')
  assert.equal((await putBytes(again, 'other', { ...told, 'x-amz-checksum-crc32c': crc32c })).status, 200)
})

/** Digest headers and the status of a PUT that has them. */
const odd: readonly (readonly [headings: Headings, status: number])[] = [
  [{ 'content-digest': 'unixsum=:GQU=:, crc64nvme=:AAAAAAAAAAA=:' }, 200],
  [{ 'content-digest': '' }, 200],
  [{ 'repr-digest': 'id-sha-256=:AAAA:, sha-384=5' }, 200],
  [{ 'x-amz-sdk-checksum-algorithm': 'CRC64NVME' }, 200],
  [{ 'x-amz-checksum-crc64nvme': 'AAAAAAAAAAA=' }, 400],
  [{ 'x-amz-checksum-constructor': 'AAAA' }, 400],
  [{ 'x-amz-checksum-sha256': `${digestsOf(CONTENT).sha256}-1` }, 400],
  [{ 'x-amz-checksum-crc32': hash('sha256', CONTENT) }, 400],
  [{ 'content-md5': md5Of(CONTENT) }, 400],
  [{ 'content-md5': '' }, 400],
  [{ 'content-md5': `${digestsOf(CONTENT).md5}, ${digestsOf(CONTENT).md5}` }, 400],
  [{ 'content-digest': `sha-256=${digestsOf(CONTENT).sha256}` }, 400],
  [{ 'content-digest': 'sha-256' }, 400],
  [{ 'content-digest': 'sha-256=5' }, 400],
  [{ 'content-digest': 'sha-256=::' }, 400],
  [{ 'content-digest': `sha-256=:${digestsOf(CONTENT).sha256}` }, 400],
  [{ 'content-digest': `SHA-256=:${digestsOf(CONTENT).sha256}:` }, 400],
  [{ 'content-digest': '"'.repeat(2_000) }, 400],
  [{ 'content-digest': 'w=%"x%20", x=1;y=%"%c3%bc, sha-256=::"' }, 200],
  [{ 'content-digest': 'w=(%"a)" "b)" c);d' }, 200],
  [{ 'content-digest': 'sha-256=%"x"' }, 400],
  [{ 'content-digest': 'w=%"x' }, 400],
  [{ 'content-digest': 'w=%"%2"' }, 400],
  [{ 'content-digest': `sha-256=:${digestsOf(CONTENT).sha256}: ,\t md5=:${digestsOf(CONTENT).md5}:` }, 200],
  [{ 'content-digest': `sha-256=:${digestsOf(CONTENT).sha256}:,` }, 400],
  [{ 'content-digest': `sha-256=:${digestsOf(CONTENT).sha256}:, ` }, 400],
  [{ 'content-digest': ',' }, 400],
]

test('digests of unknown algorithms are ignored but for those of S3, and malformed ones get 400', async () => {
  for (const [headings, status] of odd) {
    const upload = await client.pending()
    const answer = await putBytes(upload, CONTENT, headings)
    assert.equal(answer.status, status, JSON.stringify(headings))
    if (status === 400) assert.equal(answer.error.code, 'field_invalid')
    assert.equal((await client.complete(upload.id)).status, status === 200 ? 200 : 422)
  }
})

test('CRC32C is that of Castagnoli, whatever the pieces', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.equal(crc32c(new Uint8Array(0)), 0)
  const bytes = randomBytes(1_000)
  for (let cut = 0; cut <= 40; cut++)
    assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), crc32c(bytes))
})

const OTHER = '"0123456789abcdef0123456789abcdef"'
const etag = (content: string) => `"${md5Of(content)}"`
const EARLIER = 'Wed, 08 Apr 2026 11:59:59 GMT'
const LATER = 'Thu, 09 Apr 2099 12:00:00 GMT'

/** Conditions, and the status of a PUT that has them: before any bytes came, and after "first" did. */
const conditions: readonly (readonly [headings: Headings, before: number, after: number])[] = [
  [{ 'if-match': '*' }, 412, 200],
  [{ 'if-match': etag('first') }, 412, 200],
  [{ 'if-match': `${OTHER}, ${etag('first')}` }, 412, 200],
  [{ 'if-match': `W/${etag('first')}` }, 412, 412],
  [{ 'if-match': OTHER }, 412, 412],
  [{ 'if-none-match': '*' }, 200, 412],
  [{ 'if-none-match': etag('first') }, 200, 412],
  [{ 'if-none-match': `W/${etag('first')}` }, 200, 412],
  [{ 'if-none-match': OTHER }, 200, 200],
  [{ 'if-match': etag('first'), 'if-none-match': OTHER }, 412, 200],
  [{ 'if-unmodified-since': EARLIER }, 200, 412],
  [{ 'if-unmodified-since': LATER }, 200, 200],
  [{ 'if-unmodified-since': '2001' }, 200, 200],
  [{ 'if-match': etag('first'), 'if-unmodified-since': EARLIER }, 412, 200],
]

for (const [headings, unstaged, staged] of conditions) {
  test(`a PUT with ${JSON.stringify(headings)} gets ${unstaged} as the first and ${staged} as the second`, async () => {
    for (const [upload, status] of [
      [await client.pending(), unstaged],
      [await client.staged('first'), staged],
    ] as const) {
      const before = await keptBytes(server)
      const answer = await putBytes(upload, 'other', headings)
      assert.equal(answer.status, status, answer.text)
      if (status === 412) assert.deepEqual(await settledBytes(server, before), before)
      else assert.equal((await client.complete(upload.id, { md5: md5Of('other') })).status, 200)
    }
  })
}

test('of PUTs at once that all ask for the same bytes to be there, or for none, one is stored', async () => {
  const contents = ['other', 'third', 'fours', 'fifth']
  const race = async (upload: CreatedFile, headings: Headings) => {
    const answers = await Promise.all(contents.map((content) => putBytes(upload, content, headings)))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412, 412, 412])
    const winner = contents[answers.findIndex(({ status }) => status === 200)] ?? ''
    assert.equal((await client.complete(upload.id, { md5: md5Of(winner) })).status, 200)
  }
  await race(await client.staged('first'), { 'if-match': etag('first') })
  await race(await client.pending(), { 'if-none-match': '*' })
})

test('a PUT that says that it is a part gets 400 and stores nothing', async () => {
  const ranges = ['bytes 0-4/5', 'bytes 0-4/*', 'bytes */5', 'x'].map((range) => ({ 'content-range': range }))
  for (const part of [...ranges, { 'upload-complete': '?0' }, { 'upload-complete': 'x' }]) {
    const upload = await client.pending()
    assertRefusal(await putBytes(upload, CONTENT, part), [400, 'bad_request', 'field_invalid'])
    assert.equal((await client.complete(upload.id)).status, 422)
  }
})

/** A signed type, and others that a PUT may and may not name instead. */
const types: readonly (readonly [signed: string, equal: readonly string[], different: readonly string[]])[] =
  [
    [
      'text/plain; charset=utf-8',
      [
        'text/plain;charset=utf-8',
        'Text/Plain;Charset="UTF-8"',
        'text/plain ;\tcharset=utf-8 ',
        'text/plain;charset=utf-8;',
      ],
      ['text/plain', 'text/plain;charset=utf-16', 'text/html;charset=utf-8', 'text/plain;charset'],
    ],
    [
      'text/csv;header=present;charset=utf-8',
      ['text/csv; charset=utf-8; header=present'],
      ['text/csv; charset=utf-8'],
    ],
    ['a/b;c="d; e=f"', ['a/b; C="d; e=f"', 'a/b; c="\\d; e=f"'], ['a/b;c=d;e=f', 'a/b;e=f;c=d']],
    ['mimeType', ['MIMETYPE'], ['mime']],
  ]

for (const [signed, equal, different] of types) {
  test(`a PUT may spell the type ${signed} otherwise, and one of another type is told of it`, async () => {
    for (const type of equal) {
      const upload = await client.pending({ mimeType: signed })
      assert.equal((await putBytes(upload, CONTENT, { 'content-type': type })).status, 200, type)
      assert.equal(ok(await client.complete(upload.id)).mimeType, signed)
    }
    for (const type of [...different, undefined]) {
      const upload = await client.pending({ mimeType: signed })
      const answer = await putBytes(upload, CONTENT, { 'content-type': type })
      assertRefusal(answer, [403, 'forbidden', 'link_invalid'])
      assert.ok(answer.error.message.includes(signed), answer.error.message)
      assert.equal((await client.complete(upload.id)).status, 422)
    }
  })
}

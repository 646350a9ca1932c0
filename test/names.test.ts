import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { grpcCodes } from '../src/grpc/status.ts'
import { TestServer } from './harness.ts'
import { assertRefusal, LightfieldClient, putBytes } from './lightfield-client.ts'
import {
  assertKeeps,
  detailOf,
  filePart,
  LlamaCloudClient,
  PARSE_ERROR,
  problemsOf,
  purposePart,
} from './llamacloud-client.ts'
import { refusalOf, withGrpc, YandexClient } from './yandex-client.ts'
import { YandexRest } from './yandex-rest.ts'

// Names of every length and kind at the create of every dialect. The vendors say how long a name may be, and in what unit;
// where that is more than a file system takes, it is kept all the same, because no name ever gets near one.

const CONTENT = 'hello'
const MARK_BYTES = 12
/** All that a data folder holds, whatever files are called; other stores hold less of it. */
const OURS =
  /^(STORE|ballast|staging|blobs(\/[0-9a-f]{2}(\/[0-9a-f]{32})?)?|entrepot\.db(-wal|-shm)?|lock\.db(-\w+)?)$/

let server: TestServer
let lightfield: LightfieldClient
let llamacloud: LlamaCloudClient
let yandex: YandexRest
let grpc: YandexClient
/** Files that the tests have stored. */
let kept = 0

before(async () => {
  server = await TestServer.start(withGrpc)
  lightfield = new LightfieldClient(server)
  llamacloud = new LlamaCloudClient(server)
  yandex = new YandexRest(server)
  grpc = YandexClient.of(server)
})
after(async () => {
  grpc.close()
  await server.stop()
})

type Outcome = 'kept' | 'too long' | 'too short' | 'unreadable'

/** A create by each way there is, with what becomes of the name. @returns the id of the file if it was kept */
const creates = {
  async lightfield(filename: string, outcome: Outcome): Promise<string | undefined> {
    const upload = await lightfield.create({ filename })
    if (outcome !== 'kept') {
      assertRefusal(upload, [400, 'bad_request', 'invalid_type', 'filename'])
      return undefined
    }
    assert.equal(upload.body.filename, filename)
    assert.equal((await putBytes(upload.body, CONTENT)).status, 200)
    assert.equal((await lightfield.complete(upload.body.id)).body.filename, filename)
    return upload.body.id
  },
  async llamacloud(filename: string, outcome: Outcome): Promise<string | undefined> {
    const answer = await llamacloud.upload([filePart(CONTENT, filename), purposePart('user_data')])
    if (outcome === 'kept') {
      assert.equal(answer.status, 201, answer.text)
      // The vendor has no file without a name: it gets one that is made of its id and type.
      if (filename === '') assert.match(answer.body.name, /^[0-9a-f-]{36}\.txt$/)
      else assert.equal(answer.body.name, filename)
      return answer.body.id
    }
    assert.equal(answer.status, outcome === 'unreadable' ? 400 : 422)
    if (outcome === 'unreadable') assert.equal(detailOf(answer), PARSE_ERROR)
    else assert.deepEqual(problemsOf(answer), ['body.file string_too_long'])
    return undefined
  },
  async yandex(name: string, outcome: Outcome): Promise<string | undefined> {
    const { status, body, text } = await yandex.create<{ id: string; name: string; code: number }>({ name })
    if (outcome === 'kept') {
      assert.deepEqual([status, body.name], [200, name])
      return body.id
    }
    assert.deepEqual([status, body.code], [400, grpcCodes.INVALID_ARGUMENT], text)
    return undefined
  },
  async grpc(name: string, outcome: Outcome): Promise<string | undefined> {
    if (outcome === 'kept') {
      const file = await grpc.stored(CONTENT, { name })
      assert.equal(file.name, name)
      return file.id
    }
    assert.equal((await refusalOf(grpc.stored(CONTENT, { name }))).code, grpcCodes.INVALID_ARGUMENT)
    return undefined
  },
} as const
const ways = Object.keys(creates) as (keyof typeof creates)[]

/** A name of so many bytes that begins with a text of its own, by which it can be found. */
function nameOf(bytes: number, character: string): string {
  if (bytes === 0) return ''
  const size = Buffer.byteLength(character)
  const mark = randomBytes(8)
    .toString('hex')
    .slice(0, MARK_BYTES + ((bytes - MARK_BYTES) % size))
  const name = mark + character.repeat((bytes - mark.length) / size)
  assert.equal(Buffer.byteLength(name), bytes)
  return name
}

/** Neither as the name of anything nor, if it was refused, in anything. */
async function assertNotOnDisk(name: string, isRefused: boolean): Promise<void> {
  const entries = await readdir(server.dataDir, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    assert.match(path.slice(server.dataDir.length + 1).replaceAll('\\', '/'), OURS)
    if (!isRefused || name === '' || !entry.isFile()) continue
    assert.equal((await readFile(path)).includes(name.slice(0, MARK_BYTES)), false, entry.name)
  }
}

async function assertOutcome(way: keyof typeof creates, name: string, outcome: Outcome): Promise<void> {
  const id = await creates[way](name, outcome)
  if (id !== undefined) kept += 1
  await assertKeeps(server, kept)
  await assertNotOnDisk(name, id === undefined)
  if (id === undefined) return
  const saved = await fetch(await lightfield.link(id))
  assert.equal(await saved.text(), way === 'yandex' ? 'test file' : CONTENT)
  const [, ascii = '', encoded = ''] =
    /^attachment; filename="([^"\\/]+)"; filename\*=UTF-8''(\S+)$/.exec(
      saved.headers.get('content-disposition') ?? '',
    ) ?? []
  assert.ok(ascii.length > 0 && Buffer.byteLength(decodeURIComponent(encoded)) <= 255)
}

/** Bytes of a name, what it is made of, and what becomes of it. */
const lengths: readonly (readonly [number, string, Readonly<Record<keyof typeof creates, Outcome>>])[] = [
  [0, '', { lightfield: 'too short', llamacloud: 'kept', yandex: 'kept', grpc: 'kept' }],
  [255, 'n', { lightfield: 'kept', llamacloud: 'kept', yandex: 'kept', grpc: 'kept' }],
  [255, '€', { lightfield: 'kept', llamacloud: 'kept', yandex: 'kept', grpc: 'kept' }],
  [256, 'n', { lightfield: 'too long', llamacloud: 'kept', yandex: 'kept', grpc: 'kept' }],
  [256, '📄', { lightfield: 'kept', llamacloud: 'kept', yandex: 'kept', grpc: 'kept' }],
  [1024, 'ü', { lightfield: 'too long', llamacloud: 'kept', yandex: 'kept', grpc: 'kept' }],
  [1026, 'ü', { lightfield: 'too long', llamacloud: 'kept', yandex: 'too long', grpc: 'too long' }],
  [4096, 'n', { lightfield: 'too long', llamacloud: 'too long', yandex: 'too long', grpc: 'too long' }],
  [4096, 'ü', { lightfield: 'too long', llamacloud: 'kept', yandex: 'too long', grpc: 'too long' }],
  [70_000, 'n', { lightfield: 'too long', llamacloud: 'unreadable', yandex: 'too long', grpc: 'too long' }],
  [70_000, '📄', { lightfield: 'too long', llamacloud: 'unreadable', yandex: 'too long', grpc: 'too long' }],
]
for (const [bytes, character, outcomes] of lengths) {
  for (const way of ways) {
    const outcome = outcomes[way]
    const made = character === '' ? 'an empty name' : `a name of ${bytes} bytes of "${character}"`
    test(`${way}: ${made} is ${outcome}`, () => assertOutcome(way, nameOf(bytes, character), outcome))
  }
}

/** Names that some system, shell or program of ours takes for something else. */
const odd = [
  '.',
  '..',
  '...',
  'CON',
  'con.txt',
  'NUL',
  'COM1.log',
  'trailing dot.',
  'trailing space ',
  ' leading space',
  ' ',
  '-rf',
  '--help',
  'STORE',
  'entrepot.db',
  'staging',
]
for (const way of ways) {
  for (const name of odd) {
    test(`${way}: the name "${name}" is data, and kept as it is`, () => assertOutcome(way, name, 'kept'))
  }
}

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { FileService } from '../src/dialects/yandex/gen/files_pb.js'
import { pathOf } from '../src/grpc/method.ts'
import { type EnteredFiles, filesEntered } from './entered-files.ts'
import { command, GeminiClient } from './gemini-client.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient, putBytes } from './lightfield-client.ts'
import { BOUNDARY, filePart, formOf, LlamaCloudClient, purposePart } from './llamacloud-client.ts'
import { OpenAIClient } from './openai-client.ts'
import { withGrpc, YandexClient } from './yandex-client.ts'
import { YANDEX_FILES, YandexRest } from './yandex-rest.ts'

/** Logs, metrics, usage and traces, all that lies behind the port `MetadataStore`, and jobs, which may come in between. */
const APART =
  /^((ops|metadata|jobs|core\/(upkeep|usage|watch))\/|core\/(trace|watch-call)\.ts$|app\/(listen|watch-requests)\.ts$)/
/** What a body enters that is too large for the database, and for being hashed where it is. */
const LARGE_BODY = 'A large body'
const bodies = [
  { sizeBytes: 4 * 1024, also: [] },
  { sizeBytes: 2 * 1024 * 1024, also: [LARGE_BODY] },
]

const page = readFileSync(new URL('../docs/uploads.md', import.meta.url), 'utf8')
const sections = page.split(/^## /m)

let server: TestServer
before(async () => {
  const rates = 'read=100000,search=100000,write=100000'
  server = await TestServer.start({
    ...withGrpc,
    ENTREPOT_RATE_LIMITS: rates,
    ENTREPOT_KEY_GUESSES_PER_SECOND: '100',
  })
})
after(() => server.stop())

/** An upload of each dialect: the request that carries the bytes, and the most files that it may enter. */
const uploads: readonly {
  readonly name: string
  readonly maxFiles: number
  readonly enter: (bytes: Buffer) => Promise<EnteredFiles>
}[] = [
  {
    name: 'Lightfield: the PUT on a link',
    maxFiles: 18,
    enter: (bytes) =>
      filesEntered(
        () => new LightfieldClient(server).pending({ sizeBytes: bytes.length }),
        async (upload) => assert.equal((await putBytes(upload, bytes)).status, 200),
      ),
  },
  {
    name: 'LlamaCloud: a form',
    maxFiles: 28,
    enter: (bytes) => enterForm('/api/v1/beta/files', formOf([purposePart(), filePart(bytes)])),
  },
  {
    name: 'LlamaCloud: a form of the first version',
    maxFiles: 26,
    enter: (bytes) => enterForm('/api/v1/files', formOf([{ ...filePart(bytes), name: 'upload_file' }])),
  },
  {
    name: 'Anthropic: a form',
    maxFiles: 28,
    enter: (bytes) => enterForm('/anthropic/v1/files', formOf([filePart(bytes)])),
  },
  {
    name: 'Mistral: a form',
    maxFiles: 30,
    enter: (bytes) => enterForm('/mistral/v1/files', formOf([filePart(bytes), purposePart()])),
  },
  {
    name: 'OpenAI: a form',
    maxFiles: 33,
    enter: (bytes) => enterForm('/openai/v1/files', formOf([filePart(bytes), purposePart('user_data')])),
  },
  { name: 'OpenAI: a part', maxFiles: 32, enter: enterPart },
  { name: 'Gemini: the last chunk', maxFiles: 30, enter: enterChunk },
  { name: 'Yandex: JSON', maxFiles: 26, enter: enterJson },
  { name: 'Yandex: gRPC', maxFiles: 21, enter: enterMessage },
]

for (const { name, maxFiles, enter } of uploads) {
  test(`${name} enters ${maxFiles} files at most if it is small, and those that the documentation tells`, async () => {
    for (const { sizeBytes, also } of bodies) {
      const entered = [...(await enter(Buffer.alloc(sizeBytes, 'a')))].filter(([path]) => !APART.test(path))
      const told = entered.map(([path, functions]) => `${path}: ${functions.join(' ')}`).toSorted()
      if (also.length === 0)
        assert.ok(entered.length <= maxFiles, `${entered.length} files:\n${told.join('\n')}`)
      const wanted = new Set([name, ...also].flatMap((heading) => [...documented(heading)]))
      assert.deepEqual(entered.map(([path]) => path).toSorted(), [...wanted].toSorted())
    }
  })
}

/** The files that a section of the page names, those of the sections that it refers to included. */
function documented(heading: string): ReadonlySet<string> {
  const section = sections.find((text) => text.startsWith(`${heading}\n`)) ?? assert.fail(heading)
  const files = [...section.matchAll(/\]\(\.\.\/src\/([^)]+)\)/g)].map(([, path = '']) => path)
  const others = [...section.matchAll(/\[([^\]]+)\]\(#/g)].map(([, other = '']) => other)
  return new Set([...files, ...others.flatMap((other) => [...documented(other)])])
}

/** Of an upload that was begun before. */
function enterPart(bytes: Buffer): Promise<EnteredFiles> {
  const type = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
  return filesEntered(
    () => new OpenAIClient(server).upload(bytes.length),
    async ({ id }) => {
      const form = formOf([{ ...filePart(bytes), name: 'data' }])
      const answer = await new LlamaCloudClient(server).send(
        'POST',
        `/openai/v1/uploads/${id}/parts`,
        form,
        type,
      )
      assert.equal(answer.status, 200)
    },
  )
}

/** Of an upload that was started before. */
function enterChunk(bytes: Buffer): Promise<EnteredFiles> {
  return filesEntered(
    () => new GeminiClient(server).started(bytes.length),
    async (url) => assert.equal((await command(url, 'upload, finalize', bytes)).state, 'final'),
  )
}

function enterForm(path: string, form: Buffer): Promise<EnteredFiles> {
  const type = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
  const client = new LlamaCloudClient(server)
  return enterBy(async () => assert.ok((await client.send('POST', path, form, type)).status < 300))
}

function enterJson(bytes: Buffer): Promise<EnteredFiles> {
  const client = new YandexRest(server)
  const content = bytes.toString('base64')
  const body = { folderId: 'default', name: 'notes.txt', mimeType: 'text/plain', content }
  const type = { 'content-type': 'application/json' }
  return enterBy(async () =>
    assert.equal((await client.ask('POST', YANDEX_FILES, JSON.stringify(body), type)).status, 200),
  )
}

async function enterMessage(content: Buffer): Promise<EnteredFiles> {
  const client = YandexClient.of(server)
  const { create: method } = FileService.method
  const request = { folderId: 'default', name: 'notes.txt', mimeType: 'text/plain', content }
  const [path, bytes] = [pathOf(method), toBinary(method.input, create(method.input, request))]
  try {
    return await enterBy(() => client.callBytes(path, bytes))
  } finally {
    client.close()
  }
}

function enterBy(send: () => Promise<unknown>): Promise<EnteredFiles> {
  return filesEntered(async () => undefined, send)
}

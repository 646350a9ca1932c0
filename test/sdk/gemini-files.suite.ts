/** Every method of the files of @google/genai, old and new, and each way to name and send a file. */
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { GoogleGenAI, RegisterFilesParameters } from '@google/genai'
import { StoreError } from '../../src/core/errors.ts'
import { TestServer } from '../harness.ts'
import { newFolder } from '../new-folder.ts'
import { setQuota } from '../usage.ts'
import { namesIn, refusal, sdks } from './gemini-sdk.ts'

const MIB = 1024 * 1024
const MAX_FILE_BYTES = 20 * MIB
/** Of the SDKs. */
const CHUNK_BYTES = 8 * MIB

let server: TestServer
let folder: string

before(async () => {
  server = await TestServer.start({ ENTREPOT_GEMINI_MAX_FILE_BYTES: String(MAX_FILE_BYTES) })
  folder = newFolder('entrepot-gemini-')
})
after(() => server.stop())

async function onDisk(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

async function downloaded({ files }: GoogleGenAI, file: string): Promise<Buffer> {
  const downloadPath = join(folder, `copy-${randomBytes(4).toString('hex')}`)
  await files.download({ file, downloadPath })
  return readFile(downloadPath)
}

const missing = (name: string) => ({
  status: 403,
  error: {
    code: 403,
    message: `You do not have permission to access the File ${name} or it may not exist.`,
    status: 'PERMISSION_DENIED',
  },
})

for (const sdk of sdks) {
  const it = (what: string, run: (client: GoogleGenAI) => Promise<void>) =>
    test(`@google/genai ${sdk.version}: ${what}`, () => run(sdk.client(server)))

  it('a file on disk is uploaded with its name, and the type of its extension', async (client) => {
    const path = await onDisk('q3 report.pdf', '%PDF-1.7')
    const file = await client.files.upload({ file: path })
    assert.match(file.name ?? '', /^files\/[0-9a-f]{32}$/)
    assert.deepEqual(
      [file.displayName, file.mimeType, file.sizeBytes, file.source],
      ['q3 report.pdf', 'application/pdf', '8', 'UPLOADED'],
    )
    assert.equal(file.sha256Hash, hash('sha256', '%PDF-1.7', 'base64'))
    assert.equal(Date.parse(file.expirationTime ?? '') - Date.parse(file.createTime ?? ''), 48 * 3_600_000)
    assert.equal((await downloaded(client, file.name ?? '')).toString(), '%PDF-1.7')
  })

  it('what is told counts before what the path says', async (client) => {
    const path = await onDisk('plain.txt', 'hello')
    const config = { displayName: 'Квартал 3 📄', mimeType: 'text/x-own' }
    const file = await client.files.upload({ file: path, config })
    assert.deepEqual([file.displayName, file.mimeType], ['Квартал 3 📄', 'text/x-own'])
  })

  it('the names that the SDK can send are kept: Latin-1 in paths, any Unicode in display names', async (client) => {
    const latin = await client.files.upload({ file: await onDisk('naïve café.txt', 'x') })
    assert.equal(latin.displayName, 'naïve café.txt')
    for (const displayName of ['cafe\u0301.txt', '第3四半期', 'a "quoted" name', 'x'.repeat(512)]) {
      const config = { displayName, mimeType: 'text/plain' }
      assert.equal((await client.files.upload({ file: new Blob(['x']), config })).displayName, displayName)
    }
    const before = (await namesIn(client.files.list())).length
    await assert.rejects(client.files.upload({ file: await onDisk('отчёт.txt', 'x') }), TypeError)
    assert.equal((await namesIn(client.files.list())).length, before)
  })

  it('a Blob has no name but the one that it is given, and its own type', async (client) => {
    const file = await client.files.upload({ file: new Blob(['hello'], { type: 'audio/mpeg' }) })
    assert.deepEqual([file.displayName, file.mimeType], [undefined, 'audio/mpeg'])
    const config = { name: 'my-blob', mimeType: 'image/png' }
    const named = await client.files.upload({ file: new File(['hello'], 'ignored.txt'), config })
    assert.deepEqual([named.name, named.mimeType], ['files/my-blob', 'image/png'])
    const taken = {
      status: 409,
      error: { code: 409, message: 'File files/my-blob already exists.', status: 'ALREADY_EXISTS' },
    }
    assert.deepEqual(await refusal(sdk, client.files.upload({ file: new Blob(['x']), config })), taken)
    await client.files.delete({ name: 'my-blob' })
    const again = await client.files.upload({
      file: new Blob(['x']),
      config: { ...config, name: 'files/my-blob' },
    })
    assert.equal(again.name, 'files/my-blob')
    await client.files.delete({ name: 'files/my-blob' })
  })

  for (const [sizeBytes, chunks] of [
    [1, 1],
    [CHUNK_BYTES, 1],
    [CHUNK_BYTES + 1, 2],
    [2 * CHUNK_BYTES + 12_345, 3],
  ] as const)
    it(`${sizeBytes} bytes go up in ${chunks} chunks, from a path and from a Blob`, async (client) => {
      const bytes = randomBytes(sizeBytes)
      for (const file of [await onDisk('bytes.bin', bytes), new Blob([bytes])]) {
        const stored = await client.files.upload({ file, config: { mimeType: 'application/x-own' } })
        assert.equal(stored.sha256Hash, hash('sha256', bytes, 'base64'))
        assert.ok((await downloaded(client, stored.name ?? '')).equals(bytes))
        await client.files.delete({ name: stored.name ?? '' })
      }
    })

  it('a file beyond the limit, or the quota, is refused before its bytes are sent', async (client) => {
    const tooLarge = new Blob([Buffer.alloc(MAX_FILE_BYTES + 1)], { type: 'text/plain' })
    const { status, error } = await refusal(sdk, client.files.upload({ file: tooLarge }))
    assert.deepEqual([status, error.status], [413, 'INVALID_ARGUMENT'])
    await setQuota(server, 'project', { bytes: 1 })
    try {
      const beyond = await refusal(
        sdk,
        client.files.upload({ file: new Blob(['hello'], { type: 'text/plain' }) }),
      )
      assert.deepEqual([beyond.status, beyond.error.status], [429, 'RESOURCE_EXHAUSTED'])
    } finally {
      await setQuota(server, 'project', {})
    }
  })

  it('an empty file starts an upload, and the SDK gives up by itself', async (client) => {
    await assert.rejects(client.files.upload({ file: new Blob([], { type: 'text/plain' }) }), SyntaxError)
  })

  it('a name that cannot be one is refused', async (client) => {
    for (const name of ['-a', 'Capital', 'a'.repeat(41), '019d6cf6b2007f13984fb9c41faf4add']) {
      const config = { name, mimeType: 'text/plain' }
      const { status } = await refusal(sdk, client.files.upload({ file: new Blob(['x']), config }))
      assert.equal(status, 400, name)
    }
  })

  it('a file is got, downloaded and deleted by its name, its bare name, its URI and itself', async (client) => {
    const upload = () => client.files.upload({ file: new Blob(['hello'], { type: 'text/plain' }) })
    const file = await upload()
    const { name = '', uri = '' } = file
    for (const text of [name, name.slice('files/'.length), uri]) {
      assert.deepEqual(await client.files.get({ name: text }), file)
      assert.equal((await downloaded(client, text)).toString(), 'hello')
    }
    const downloadPath = join(folder, 'by-file')
    await client.files.download({ file, downloadPath })
    assert.equal(await readFile(downloadPath, 'utf8'), 'hello')
    for (const text of [name, (await upload()).name?.slice('files/'.length), (await upload()).uri])
      await client.files.delete({ name: text ?? '' })
    assert.deepEqual(await refusal(sdk, client.files.get({ name })), missing(name.slice('files/'.length)))
    assert.deepEqual(await refusal(sdk, client.files.delete({ name: 'nope' })), missing('nope'))
    assert.deepEqual(
      await refusal(sdk, client.files.download({ file: 'nope', downloadPath: join(folder, 'nope') })),
      missing('nope'),
    )
  })

  it('a file that a client named is found by its URI, whose dashes the SDK does not read', async () => {
    const client = sdk.client({ url: server.url, key: server.key })
    const config = { name: `with-a-dash-${sdk.version.replaceAll('.', '-')}`, mimeType: 'text/plain' }
    const { uri = '', name } = await client.files.upload({ file: new Blob(['x']), config })
    // As it is with a server that speaks TLS.
    for (const text of [uri, uri.replace('http:', 'https:')])
      assert.equal((await client.files.get({ name: text })).name, name)
  })

  it('registering files of Google Cloud Storage is refused', async (client) => {
    const auth = { getRequestHeaders: async () => new Headers({ authorization: 'Bearer token' }) }
    const parameters = { uris: ['gs://bucket/object'], auth } as unknown as RegisterFilesParameters
    const { status, error } = await refusal(sdk, client.files.registerFiles(parameters))
    assert.deepEqual([status, error.status], [400, 'INVALID_ARGUMENT'])
  })

  it('a wrong key is refused everywhere', async () => {
    const { files } = sdk.client({ url: server.url, key: 'ek_wrong' })
    const calls = [
      () => files.list(),
      () => files.get({ name: 'x' }),
      () => files.delete({ name: 'x' }),
      () => files.upload({ file: new Blob(['x'], { type: 'text/plain' }) }),
    ]
    for (const call of calls) {
      const { status, error } = await refusal(sdk, call())
      const message = 'API key not valid. Please pass a valid API key.'
      assert.deepEqual([status, error.message, error.status], [400, message, 'INVALID_ARGUMENT'])
    }
  })

  test(`@google/genai ${sdk.version}: lists go page by page to their end`, async (t) => {
    const own = await TestServer.start()
    t.after(() => own.stop())
    const { files } = sdk.client(own)
    assert.deepEqual(await namesIn(files.list()), [])
    const names: string[] = []
    for (let count = 0; count < 23; count++) {
      own.clock.advance({ seconds: 1 })
      const { name = '' } = await files.upload({ file: new Blob(['x'], { type: 'text/plain' }) })
      names.unshift(name)
    }
    for (const pageSize of [undefined, 1, 5, 22, 23, 24, 100, 1000]) {
      const config = pageSize === undefined ? {} : { pageSize }
      assert.deepEqual(await namesIn(files.list({ config })), names, `pages of ${pageSize}`)
    }
    const first = await files.list({ config: { pageSize: 10 } })
    assert.equal(first.pageLength, 10)
    assert.equal((await first.nextPage()).length, 10)
    assert.equal((await first.nextPage()).length, 3)
    assert.equal(first.hasNextPage(), false)
    const { status } = await refusal(sdk, files.list({ config: { pageToken: 'x' } }))
    assert.equal(status, 400)
  })

  for (const base of ['', '/gemini'])
    for (const apiVersion of ['v1', 'v1beta', undefined])
      test(`@google/genai ${sdk.version} works at ${base}/ with the version ${apiVersion}`, async () => {
        const options = apiVersion === undefined ? {} : { apiVersion }
        const client = sdk.client({ url: server.url + base, key: server.key }, options)
        await roundTrip(client, undefined)
      })

  it('options of a single call are honoured', async (client) => {
    const headers = { 'x-own': 'header' }
    await roundTrip(client, { httpOptions: { headers } })
    await roundTrip(client, { httpOptions: { headers, apiVersion: 'v1' } })
  })

  test(`@google/genai ${sdk.version} tries again what the server could not do at once`, async (t) => {
    const retryOptions = { attempts: 3, initialDelay: 0.01, maxDelay: 0.01, jitter: 0 }
    const { files } = sdk.client(server, { retryOptions } as never)
    const { metadata } = server.app.services
    const commit = metadata.commit.bind(metadata)
    let failures = 2
    t.mock.method(metadata, 'commit', async (...changes: Parameters<typeof commit>) => {
      // Not the start, which would be another upload.
      if (changes[0].some(({ kind }) => kind === 'file.update') && failures-- > 0) throw unavailable()
      return commit(...changes)
    })
    const file = await files.upload({ file: new Blob(['hello'], { type: 'text/plain' }) })
    assert.equal(file.sizeBytes, '5')
    assert.ok(failures < 0)
  })
}

function unavailable() {
  return new StoreError('unavailable', 'for the log')
}

async function roundTrip(
  client: GoogleGenAI,
  config: Parameters<GoogleGenAI['files']['upload']>[0]['config'],
) {
  const bytes = randomBytes(CHUNK_BYTES + 1)
  const file = await client.files.upload({
    file: new Blob([bytes]),
    config: { ...config, mimeType: 'application/x-own', displayName: 'd' },
  })
  assert.deepEqual(
    [file.sizeBytes, file.mimeType, file.displayName],
    [String(bytes.length), 'application/x-own', 'd'],
  )
  const name = file.name ?? ''
  const options = config?.httpOptions ? { config: { httpOptions: config.httpOptions } } : {}
  // The older SDK uploads through v1beta, whatever its version, and the URIs are of the version that is asked.
  const { uri, downloadUri, ...shown } = await client.files.get({ name, ...options })
  assert.deepEqual({ ...file, ...shown }, file)
  assert.equal(downloadUri, `${uri}:download?alt=media`)
  assert.ok((await downloaded(client, name)).equals(bytes))
  await client.files.delete({ name, ...options })
}

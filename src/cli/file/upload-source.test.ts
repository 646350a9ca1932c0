import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { PART_BYTES, StoredSource, StreamedSource } from './upload-source.ts'

const BYTES = randomBytes(1_000_000)
const SHA256 = hash('sha256', BYTES, 'hex')

function watching() {
  const seen: string[] = []
  let read = 0
  return {
    seen,
    read: () => read,
    reading: {
      from: (offset: number) => void seen.push(`from ${offset}`),
      again: () => void seen.push('again'),
      read: (bytes: number) => {
        read += bytes
      },
    },
  }
}

async function pathOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-source-'))
  context.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'file'), BYTES)
  return join(folder, 'file')
}

test('an upload that goes on in the middle has the digest of the whole', async (context) => {
  const { seen, read, reading } = watching()
  const source = await StoredSource.open(await pathOf(context), BYTES.length, reading)
  const { value, done } = await source.slice(600_000, BYTES.length)
  assert.deepEqual(await buffer(value), BYTES.subarray(600_000))
  assert.deepEqual([done, value.size, read(), seen], [true, 400_000, 400_000, ['again', 'from 600000']])
  assert.equal(source.sha256(), SHA256)
  source.close()
})

test('what is sent again is hashed once', async (context) => {
  const { reading } = watching()
  const source = await StoredSource.open(await pathOf(context), BYTES.length, reading)
  await buffer((await source.slice(0, 700_000)).value)
  await buffer((await source.slice(300_000, BYTES.length)).value)
  assert.equal(source.sha256(), SHA256)
  source.close()
})

test('a file that gets shorter is told', async (context) => {
  const path = await pathOf(context)
  const source = await StoredSource.open(path, BYTES.length, watching().reading)
  await truncate(path, 10)
  const { value } = await source.slice(0, BYTES.length)
  await assert.rejects(buffer(value), {
    name: 'Failure',
    message: `${path} became shorter while it was uploaded.`,
  })
  source.close()
})

test('a stream is sent in parts, of which the newest can be sent again', async () => {
  const chunks = [6, 6, 3].map((count) => Buffer.concat(Array.from({ length: count }, () => BYTES)))
  const all = Buffer.concat(chunks)
  const source = new StreamedSource(Readable.from(chunks), watching().reading)
  const first = await source.slice(0)
  const size = first.value?.size ?? 0
  assert.deepEqual([size >= PART_BYTES, first.done], [true, false])
  assert.deepEqual(await buffer(first.value as Readable), all.subarray(0, size))
  const again = await source.slice(100)
  assert.deepEqual(await buffer(again.value as Readable), all.subarray(100, size))
  const last = await source.slice(size)
  assert.equal(last.done, true)
  assert.deepEqual(await buffer(last.value as Readable), all.subarray(size))
  assert.equal(source.sha256(), hash('sha256', all, 'hex'))
  await assert.rejects(source.slice(0), { name: 'Failure' })
})

test('a stream of no bytes is one part without bytes', async () => {
  const source = new StreamedSource(Readable.from([]), watching().reading)
  assert.deepEqual(await source.slice(0), { value: null, done: true })
})

import assert from 'node:assert/strict'
import test from 'node:test'
import { chunked, endless, field, file, formType, gather, malformed, readWhole } from './multipart.harness.ts'
import { type Part, parseMultipart } from './multipart.ts'

test('counts the whole body against its limit while a file streams', async () => {
  const start = Buffer.from(file('f', '').slice(0, -2))
  const parts = parseMultipart(formType, endless(start, Buffer.alloc(4096)), { bodyBytes: 1_000_000 })
  let received = 0
  const read = async () => {
    for await (const { kind, ...rest } of parts) {
      if (kind === 'file' && 'body' in rest) for await (const chunk of rest.body) received += chunk.length
    }
  }
  await assert.rejects(read(), { code: 'body-too-large', message: /1000000/ })
  assert.ok(received < 1_000_000)
})

test('hands the file on as it arrives, in views of the chunks that came', async () => {
  const chunks = [Buffer.from(file('f', '').slice(0, -2)), Buffer.alloc(65_536, 1), Buffer.alloc(65_536, 2)]
  const end = Buffer.from('\r\n--b--')
  let asked = 0
  async function* source() {
    for (const chunk of [...chunks, end]) {
      asked++
      yield chunk
    }
  }
  const { body } = await firstFile(parseMultipart(formType, source()))
  assert.equal(asked, 1)
  const read = body[Symbol.asyncIterator]()
  for (const [index, chunk] of chunks.slice(1).entries()) {
    const { value } = await read.next()
    assert.equal(value?.buffer, chunk.buffer)
    assert.equal(asked, index + 2)
  }
  assert.equal((await read.next()).done, true)
})

test('skips what is left of a file when the next part is asked for', async () => {
  const body = `${file('f', '0123456789')}${field('a', '1')}--b--`
  for (const bytesRead of [0, 1]) {
    const parts = parseMultipart(formType, chunked(Buffer.from(body), [70, 75]))
    const left = (await firstFile(parts)).body
    const reader = left[Symbol.asyncIterator]()
    if (bytesRead > 0) await reader.next()
    assert.equal(((await parts.next()).value as Part | undefined)?.name, 'a')
    await assert.rejects(reader.next(), /gone on|before the next part/)
    await assert.rejects(gather(left), /before the next part/)
    assert.equal((await parts.next()).done, true)
  }
})

test('gives a file’s bytes only once', async () => {
  const { body } = await firstFile(
    parseMultipart(formType, chunked(Buffer.from(`${file('f', 'x')}--b--`), [])),
  )
  assert.equal((await gather(body)).toString(), 'x')
  await assert.rejects(gather(body), /once/)
})

test('lets a file fail when what follows it is broken, and repeats the failure', async () => {
  for (const broken of ['', '\r\n--b', '\r\n--bx', '\r\n-']) {
    const start = file('f', 'content').slice(0, -2)
    const parts = parseMultipart(formType, chunked(Buffer.from(start + broken), [start.length]))
    await assert.rejects(gather((await firstFile(parts)).body), malformed)
    await assert.rejects(parts.next(), malformed)
  }
})

test('rethrows what the source throws, from the file and from the next part', async () => {
  const failure = new Error('connection lost')
  async function* source() {
    yield Buffer.from(file('f', 'content'))
    throw failure
  }
  const parts = parseMultipart(formType, source())
  const isFailure = (error: unknown) => error === failure
  await assert.rejects(gather((await firstFile(parts)).body), isFailure)
  await assert.rejects(parts.next(), isFailure)
  await assert.rejects(readWhole(formType, source()), isFailure)
})

test('closes the source when the reader leaves, and when the body is refused', async () => {
  const closed: string[] = []
  async function* source(text: string) {
    try {
      for (;;) yield Buffer.from(text)
    } finally {
      closed.push(text)
    }
  }
  const left = file('f', 'content')
  for await (const part of parseMultipart(formType, source(left))) {
    assert.equal(part.kind, 'file')
    break
  }
  await assert.rejects(readWhole(formType, source('garbage')), malformed)
  assert.deepEqual(closed, [left, 'garbage'])
})

test('refuses a second reader while one waits', async () => {
  const parts = parseMultipart(formType, chunked(Buffer.from(`${file('f', 'content')}--b--`), [10, 66]))
  const reader = (await firstFile(parts)).body[Symbol.asyncIterator]()
  const waiting = Promise.allSettled([reader.next(), reader.next()])
  await assert.rejects(parts.next(), /one reader/)
  await waiting
})

async function firstFile(parts: AsyncGenerator<Part, void>) {
  const { value } = await parts.next()
  assert.ok(value?.kind === 'file')
  return value
}

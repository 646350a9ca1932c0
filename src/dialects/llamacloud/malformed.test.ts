import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { TestServer } from '../../../test/harness.ts'
import {
  assertKeeps,
  BOUNDARY,
  detailOf,
  FILES,
  filePart,
  formOf,
  LlamaCloudClient,
  PARSE_ERROR,
  problemsOf,
  purposePart,
  urlOf,
} from '../../../test/llamacloud-client.ts'
import { RawConnection, readAnswer } from '../../../test/raw-http.ts'

const LIMIT = 100_000
const MIB = 1024 * 1024
const ENDLESS_PIECE_BYTES = 16 * 1024

let server: TestServer
let client: LlamaCloudClient
/** Files that a test has stored on purpose. */
let kept = 0

before(async () => {
  server = await TestServer.start({ ENTREPOT_LLAMACLOUD_MAX_FILE_BYTES: String(LIMIT) })
  client = new LlamaCloudClient(server)
})
after(() => server.stop())
/** Whatever was sent: nothing of it is there, no row, no byte, no reservation, and the server lives. */
afterEach(() => assertKeeps(server, kept))

/** One part with these header lines, then a purpose. */
function formWith(headerLines: string, content = 'hello'): string {
  const purpose = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nparse\r\n`
  return `--${BOUNDARY}\r\n${headerLines}\r\n\r\n${content}\r\n${purpose}--${BOUNDARY}--\r\n`
}

function fileWith(parameters: string): string {
  return formWith(`Content-Disposition: form-data; name="file"; ${parameters}`)
}

function many(count: number, part: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => part(index)).join('')
}

const good = formOf([filePart(), purposePart()])
const goodText = good.toString()
const named = 'Content-Disposition: form-data; name="file"; filename="a.txt"'

/** Bodies that break the form; all are the same refusal. */
const broken: Readonly<Record<string, string | Uint8Array>> = {
  'a body without a closing boundary': good.subarray(0, -6),
  'a body that ends in the header of a part': goodText.slice(0, goodText.indexOf('filename')),
  'a body that ends after the file': formOf([filePart()]).subarray(0, -6),
  'no boundary at all': 'hello',
  'another boundary than announced': goodText.replaceAll(BOUNDARY, 'other'),
  'a line end of LF only': goodText.replaceAll('\r\n', '\n'),
  'a part with 17 header lines': formWith(`${named}${many(17, (index) => `\r\nX-${index}: 1`)}`),
  'a part with a header of 100 KiB': formWith(`${named}\r\nX-Long: ${'x'.repeat(100 * 1024)}`),
  'a part without a Content-Disposition': formWith('Content-Type: text/plain'),
  'a part without a name': formWith('Content-Disposition: form-data; filename="a.txt"'),
  'a field longer than 64 KiB': formOf([filePart(), { name: 'purpose', content: 'x'.repeat(65 * 1024) }]),
  'text before the first boundary': Buffer.concat([Buffer.alloc(MIB, 'preamble '), good]),
  'more than 2,000 parts': formOf([
    filePart(),
    ...Array.from({ length: 2000 }, (_, index) => ({ name: `f${index}`, content: '' })),
  ]),
  'two files': formOf([filePart(), filePart('other', 'b.txt'), purposePart()]),
  'a thousand empty files': formOf(Array.from({ length: 1000 }, () => filePart(''))),
  'a name twice in one header': fileWith('name="purpose"; filename="a.txt"'),
  'two Content-Dispositions': formWith(`${named}\r\nContent-Disposition: form-data; name="purpose"`),
  'a filename* of bad escapes': fileWith(`filename*=utf-8''%ff%zz`),
  'a filename* that is not UTF-8': fileWith(`filename*=utf-8''%ff`),
  'a filename* of 8 KiB of nothing': fileWith(`filename*=${`a''`.repeat(2700)}`),
  'a quote that nothing closes': fileWith('filename="a.txt'),
  'base64 as transfer encoding': formWith(`${named}\r\nContent-Transfer-Encoding: base64`, 'aGVsbG8='),
  'quoted-printable as transfer encoding': formWith(
    `${named}\r\nContent-Transfer-Encoding: quoted-printable`,
  ),
}
for (const [what, body] of Object.entries(broken)) {
  test(`${what} is an error parsing the body`, async () => {
    const answer = await client.sendForm(body)
    assert.deepEqual([answer.status, detailOf(answer)], [400, PARSE_ERROR])
  })
}

/** The start of a form whose name holds a control character, and the name as the answer has to quote it. */
const illegal: readonly (readonly [string, string])[] = [
  ['filename="a\rb.txt"', 'line break: "a\\rb.txt"'],
  ['filename="a\nb.txt"', 'line break: "a\\nb.txt"'],
  ['filename="a\r\nb.txt"', 'line break: "a\\r\\nb.txt"'],
  ['filename="a\r\nX: b.txt"', 'line break: "a\\r\\nX: b.txt"'],
  ['filename="a\u0000.txt"', 'control character: "a\\u0000.txt"'],
  ['filename="a\u001b[31m.txt"', 'control character: "a\\u001b[31m.txt"'],
  ['filename="a\u007f.txt"', 'control character: "a\\u007f.txt"'],
  ['filename="a\u0085.txt"', 'control character: "a\\u0085.txt"'],
]
test('a name with a line break or another control character is refused, and the answer quotes it', async () => {
  for (const [parameters, quoted] of illegal) {
    const answer = await client.sendForm(fileWith(parameters))
    const detail = `${PARSE_ERROR}. A name in the form has a ${quoted}`
    assert.deepEqual([answer.status, detailOf(answer)], [400, detail])
  }
  const answer = await client.sendForm(formWith('Content-Disposition: form-data; name="fi\rle"'))
  assert.match(String(detailOf(answer)), /line break: "fi\\rle"$/)
})

const boundaries: readonly (readonly [string, string])[] = [
  ['no boundary', 'multipart/form-data'],
  ['an empty boundary', 'multipart/form-data; boundary='],
  ['an empty quoted boundary', 'multipart/form-data; boundary=""'],
  ['a boundary of 257 bytes', `multipart/form-data; boundary=${'b'.repeat(257)}`],
  ['two boundaries', `multipart/form-data; boundary=${BOUNDARY}; boundary=x`],
]
for (const [what, type] of boundaries) {
  test(`a Content-Type with ${what} is an error parsing the body`, async () => {
    const answer = await client.sendForm(good, { 'content-type': type })
    assert.deepEqual([answer.status, detailOf(answer)], [400, PARSE_ERROR])
  })
}

test('a boundary of 256 bytes is taken however its form is cut into pieces', async (t) => {
  const boundary = 'b'.repeat(256)
  const connection = await RawConnection.open(server.url)
  t.after(() => connection.end())
  const form = formOf([filePart(), purposePart()], boundary)
  connection.write(head(form.length, boundary))
  for (const byte of form) connection.write(Uint8Array.of(byte))
  assert.equal(readAnswer(await connection.until(/\}$/)).status, 201)
  kept += 1
})

test('what follows the last boundary is ignored', async () => {
  for (const epilogue of ['epilogue ', '\r\n', formOf([filePart(), purposePart('nonsense')]).toString()]) {
    const answer = await client.sendForm(Buffer.concat([good, Buffer.alloc(200_000, epilogue)]))
    assert.equal(answer.status, 201, answer.text)
    kept += 1
  }
})

test('parts that the operation does not know are ignored, however many, large or named', async () => {
  const parts = [
    { name: 'upload_file', filename: 'b.bin', content: Buffer.alloc(200_000) },
    { name: 'purpose[]', filename: 'purpose', content: 'split' },
    { name: 'large', content: Buffer.alloc(100_000, 0xff) },
    ...Array.from({ length: 400 }, (_, index) => ({ name: `metadata[${index}]`, content: 'x' })),
  ]
  const { status, body } = await client.upload([...parts, purposePart(), ...parts, filePart(), ...parts])
  assert.deepEqual([status, body.name, body.purpose], [201, 'notes.txt', 'parse'])
  kept += 1
})

test('a field is read, also if its part has a filename', async () => {
  const { status, body } = await client.upload([
    filePart(),
    { name: 'purpose', filename: 'blob', content: 'split' },
  ])
  assert.deepEqual([status, body.purpose], [201, 'split'])
  kept += 1
})

/** What a chunked body may go on with for ever, after its start. */
const endless: Readonly<Record<string, readonly [start: string | Uint8Array, rest: string, status: number]>> =
  {
    'text before the first boundary': ['', 'preamble ', 400],
    'blanks before the first boundary': ['', '\r\n', 400],
    'text after the last boundary': [good, 'epilogue ', 413],
    'one header of a part': [`--${BOUNDARY}\r\nX: `, 'x', 400],
    'header lines of a part': [`--${BOUNDARY}\r\n`, 'X: y\r\n', 400],
    'one field': [formOf([{ name: 'purpose', content: '' }]).subarray(0, -BOUNDARY.length - 8), 'parse', 400],
    'empty parts': [
      '',
      formOf([{ name: 'x', content: '' }])
        .toString()
        .slice(0, -BOUNDARY.length - 6),
      400,
    ],
    'one file': [formOf([filePart('')]).subarray(0, -BOUNDARY.length - 8), 'content', 413],
  }
test('what never ends is answered within seconds and megabytes, and its connection closed', async () => {
  await Promise.all(
    Object.entries(endless).map(async ([what, [start, rest, status]]) => {
      const connection = await RawConnection.open(server.url)
      connection.write(head('chunked'))
      if (start.length > 0) connection.write(chunkOf(start))
      const piece = chunkOf(rest.repeat(Math.ceil(ENDLESS_PIECE_BYTES / rest.length)))
      const begin = performance.now()
      let bytes = 0
      for (; connection.received === '' && bytes < 300 * MIB; bytes += piece.length) {
        connection.write(piece)
        await delay(1)
      }
      const tookMs = performance.now() - begin
      assert.ok(tookMs < 5000 && bytes < 8 * MIB, `${what}: ${tookMs} ms, ${bytes} bytes`)
      assert.equal(readAnswer(await connection.closed()).status, status, what)
    }),
  )
})

test('a form without parts, and no body at all, lack the file and the purpose', async () => {
  for (const body of [`--${BOUNDARY}--\r\n`, undefined]) {
    const type = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
    const answer = await client.send('POST', FILES, body, type)
    assert.equal(answer.status, 422)
    assert.deepEqual(problemsOf(answer), ['body.file missing', 'body.purpose missing'])
  }
})

test('a file under another name is told as missing', async () => {
  for (const name of ['upload_file', 'File', 'file[]']) {
    const answer = await client.upload([{ name, filename: 'a.txt', content: 'x' }, purposePart()])
    assert.equal(answer.status, 422, name)
    assert.deepEqual(problemsOf(answer), ['body.file missing'])
  }
})

test('a part named file is the file, with or without a filename; without one it is named by its id and type', async () => {
  const nameless = [
    { name: 'file', content: 'a text' },
    { name: 'file', content: Buffer.from([0xff, 0x00, 0xfe]) },
    { name: 'file', filename: '', content: 'bytes without a name' },
    { name: 'file', filename: 'folder/', content: 'x' },
  ]
  for (const part of nameless) {
    const { status, body } = await client.upload([{ ...part, type: 'text/csv' }, purposePart()])
    assert.equal(status, 201)
    assert.equal(body.name, `${body.id.slice('dfl-'.length)}.csv`)
    const bytes = await (await fetch(urlOf(body).url)).arrayBuffer()
    assert.deepEqual(Buffer.from(bytes), Buffer.from(part.content))
    kept += 1
  }
})

test('everything that is wrong with the fields is told at once', async () => {
  const answer = await client.upload([purposePart('Parse')])
  assert.equal(answer.status, 422)
  assert.deepEqual(problemsOf(answer), ['body.file missing', 'body.purpose enum'])
  const long = await client.upload([filePart('x', 'x'.repeat(3001))])
  assert.deepEqual(problemsOf(long), ['body.file string_too_long', 'body.purpose missing'])
})

test('a file over the limit is told the limit, announced or chunked', async () => {
  const body = formOf([filePart('x'.repeat(LIMIT + 1)), purposePart()])
  const chunked = new ReadableStream({
    start(controller) {
      controller.enqueue(body)
      controller.close()
    },
  })
  const type = `multipart/form-data; boundary=${BOUNDARY}`
  const headers = { authorization: `Bearer ${server.key}`, 'content-type': type }
  const init = { method: 'POST', headers, body: chunked, duplex: 'half' } as const
  const expected = { detail: `File exceeds the maximum upload size of ${LIMIT} bytes` }
  const answers = [await client.sendForm(body), await fetch(server.url + FILES, init)]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [413, 413],
  )
  assert.deepEqual(answers[0]?.body, expected)
  assert.deepEqual(await (answers[1] as Response).json(), expected)
})

test('a whole body over its cap is too large, however it is filled', async () => {
  const fields = Array.from({ length: 19 }, (_, i) => ({ name: `f${i}`, content: 'x'.repeat(64 * 1024) }))
  const filled = [formOf([...fields, filePart()]), Buffer.concat([Buffer.alloc(2 * MIB, '\r\n'), good])]
  for (const body of filled) assert.equal((await client.sendForm(body)).status, 413)
})

test('fields and headers named after parts of JavaScript are refused, others of its words are plain names', async () => {
  const before = Object.getOwnPropertyNames(Object.prototype)
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    const field = { name, content: '{"admin":true}' }
    assert.equal((await client.upload([field, purposePart(), filePart()])).status, 400)
    assert.equal((await client.upload([purposePart(), filePart(), field])).status, 400)
    assert.equal((await client.sendForm(formWith(`${named}\r\n${name}: x`))).status, 400)
  }
  const plain = ['toString', 'hasOwnProperty'].map((name) => ({ name, content: 'x' }))
  assert.equal((await client.upload([...plain, purposePart(), filePart()])).status, 201)
  kept += 1
  assert.deepEqual(Object.getOwnPropertyNames(Object.prototype), before)
  assert.equal(({} as { admin?: boolean }).admin, undefined)
})

test('a form comes to the same in any order and any pieces; of a field sent twice the last counts', async () => {
  const parts = [
    purposePart('split'),
    filePart(),
    purposePart('parse'),
    { name: 'external_file_id', content: 'a/b' },
  ]
  const [first, second, third, fourth] = parts as [never, never, never, never]
  for (const order of [parts, [second, fourth, first, third], [fourth, first, third, second]]) {
    const { status, body } = await client.upload(order)
    assert.deepEqual(
      [status, body.purpose, body.external_file_id, body.name],
      [201, 'parse', 'a/b', 'notes.txt'],
    )
    kept += 1
  }
  const connection = await RawConnection.open(server.url)
  connection.write(head(good.length))
  for (const byte of good) connection.write(Uint8Array.of(byte))
  assert.equal(readAnswer(await connection.until(/\}$/)).status, 201)
  connection.end()
  kept += 1
})

test('a form that breaks after its file is refused at once, on a connection that stays slow', async () => {
  const connection = await RawConnection.open(server.url)
  const start = performance.now()
  connection.write(head(100_000))
  connection.write(formOf([filePart()]).subarray(0, -4))
  await delay(50)
  connection.write('no boundary')
  const answer = readAnswer(await connection.until(/\}$/))
  assert.equal(answer.status, 400)
  assert.ok(performance.now() - start < 5000)
  connection.end()
})

function head(length: number | 'chunked', boundary = BOUNDARY): string {
  const type = `Content-Type: multipart/form-data; boundary=${boundary}`
  const auth = `Authorization: Bearer ${server.key}`
  const body = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`
  return `POST ${FILES} HTTP/1.1\r\nHost: x\r\n${auth}\r\n${type}\r\n${body}\r\n\r\n`
}

function chunkOf(content: string | Uint8Array): Buffer {
  const size = Buffer.byteLength(content).toString(16)
  return Buffer.concat([Buffer.from(`${size}\r\n`), Buffer.from(content), Buffer.from('\r\n')])
}

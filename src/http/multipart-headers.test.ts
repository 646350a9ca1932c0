import assert from 'node:assert/strict'
import test from 'node:test'
import { chunked, field, malformed, parse, part, readWhole } from './multipart.harness.ts'

test('takes any legal boundary, quoted or not', async () => {
  const longest = "0Az'()+_,-./:=? ".repeat(5).slice(0, 69)
  const types = {
    [`multipart/form-data; boundary="${longest}x"`]: `${longest}x`,
    'Multipart/Form-Data;BOUNDARY=a=b:c/d': 'a=b:c/d',
    'multipart/form-data ; charset=utf-8; boundary=x;': 'x',
    'multipart/form-data; boundary="a b"; note="\\"; boundary=c"': 'a b',
  }
  for (const [type, boundary] of Object.entries(types)) {
    const body = `--${boundary}\r\nContent-Disposition: form-data; name=n\r\n\r\nv\r\n--${boundary}--`
    assert.equal((await parse(body, {}, type))[0]?.content.toString(), 'v', type)
  }
})

test('refuses a missing, repeated or illegal boundary', async () => {
  const parameters = [
    '',
    ';',
    '; boundary',
    '; boundary=',
    '; boundary=""',
    '; boundary=b; boundary=b',
    '; boundary=b; Boundary=c',
    '; boundary="b',
    '; boundary="; boundary=b"',
    '; boundary="b "',
    '; boundary=b, multipart/form-data; boundary=b',
    '; boundary = b',
    '; boundary="b\\""',
    '; boundary="b@"',
    '; boundary="b\r"',
    '; boundary=é',
    `; boundary=${'b'.repeat(71)}`,
    `; boundary=${'b'.repeat(252)}`,
    `; boundary=${' '.repeat(100_000)}`,
  ]
  for (const text of parameters) {
    await assert.rejects(parse('--b--', {}, `multipart/form-data${text}`), malformed, text)
  }
})

test('refuses other content types before reading anything', async () => {
  const unread = chunked(Buffer.from('--b--'), [])
  const types = [
    undefined,
    '',
    'text/plain',
    'multipart/mixed; boundary=b',
    'multipart/form-data, a; boundary=b',
  ]
  for (const type of types) {
    await assert.rejects(readWhole(type, unread), { code: 'body-type-unsupported' })
  }
  assert.equal((await unread.next()).done, false)
})

test('refuses part headers with bad line ends, names, continuations, controls or bytes', async () => {
  const good = 'Content-Disposition: form-data; name="a"'
  const headers = [
    '',
    'X-Other: 1',
    `${good}\nX: 1`,
    `X: 12\n${good}`,
    `${good}\rX: 1`,
    `${good}\r`,
    `X: a\rb\r\n${good}`,
    `X: a\0\r\n${good}`,
    `X\r\n${good}`,
    `: x\r\n${good}`,
    `X : x\r\n${good}`,
    `é: x\r\n${good}`,
    `${good};\r\n filename="x"`,
    `${good}\r\n${good}`,
    `${good}\r\nContent-Type: a/b\r\ncontent-type: a/b`,
    `${good}\r\nContent-Type: té/xt`,
    `${good}\r\nContent-Type: a\tb`,
  ]
  for (const header of headers) {
    await assert.rejects(parse(`${part(header, '')}--b--`), malformed, JSON.stringify(header))
  }
  await assert.rejects(parse(Buffer.from(`${part(`X: \xff\r\n${good}`, '')}--b--`, 'latin1')), malformed)
  assert.equal((await parse(`${part(`X: é\t\r\n${good}\r\n__proto:`, '')}--b--`)).length, 1)
})

test('refuses a Content-Disposition that is not one plain name in form-data', async () => {
  const dispositions = [
    '',
    'form-data',
    'form-data; filename="x"',
    'attachment; name="a"',
    'form-data name="a"',
    'form-data; name',
    'form-data; name=',
    'form-data; name ="a"',
    'form-data; name= "a"',
    'form-data; name="a',
    'form-data; name="a"b',
    'form-data; name="a" filename="b"',
    'form-data; name="a"; name="a"',
    'form-data; name="a"; NAME=b',
    'form-data; name="a"; filename="x"; filename="x"',
    "form-data; name=a; filename*=UTF-8''x; filename*=UTF-8''x",
    "form-data; name*=UTF-8''a",
    "form-data; name=a; name*=UTF-8''a",
    'form-data; name=a; filename*0="x"',
    'form-data; name="a\\"; filename="x"',
    `form-data; name=a${' '.repeat(4000)}x`,
  ]
  for (const disposition of dispositions) await assert.rejects(namesIn(disposition), malformed, disposition)
  assert.deepEqual(await namesIn('Form-Data ;\tname=a ; ; x="y" ;'), ['a', undefined])
  assert.deepEqual(await namesIn('form-data; name="a\\\\"; filename="b\\\\"'), ['a\\', 'b\\'])
  assert.deepEqual(await namesIn('form-data; filename=""; name=""'), ['', ''])
})

test('reads filenames as browsers and vendors’ clients write them', async () => {
  const forms = {
    'filename="näme 文件 😀.pdf"': 'näme 文件 😀.pdf',
    'filename="say %22hi%22.txt"': 'say "hi".txt',
    'filename="100%25 %2e%41.txt"': '100%25 %2e%41.txt',
    'filename="say \\"hi\\".txt"': 'say "hi".txt',
    'filename="C:\\dir\\a.txt"': 'C:\\dir\\a.txt',
    'filename="C:\\\\dir\\\\a.txt"': 'C:\\dir\\a.txt',
    'filename="ends with \\"': 'ends with \\',
    'filename="ends with \\\\"': 'ends with \\',
    'filename="../../etc/passwd"': '../../etc/passwd',
    'filename="a;b=c.txt"': 'a;b=c.txt',
    'filename=plain%22.txt': 'plain%22.txt',
    "filename*=UTF-8''na%C3%AFve%20file.txt": 'naïve file.txt',
    "filename*=utf-8'en-GB'%f0%9F%98%80": '😀',
    "filename*=UTF-8''": '',
    'filename="fallback.txt"; filename*=UTF-8\'\'real.txt': 'real.txt',
    'filename*=UTF-8\'\'real.txt; filename="fallback.txt"': 'real.txt',
    'filename="\u202Egpj.exe"': '\u202Egpj.exe',
    'filename="\uFEFFbom"': '\uFEFFbom',
  }
  for (const [written, meant] of Object.entries(forms))
    assert.equal(await filenameIn(written), meant, written)
})

test('refuses filenames with controls, invalid UTF-8 or another charset', async () => {
  const forms = [
    'filename="a\0b"',
    'filename="a\tb"',
    'filename="a\x7fb"',
    'filename="a\u0085b"',
    'filename="a%0D%0Ab"',
    'filename="a%0ab"',
    Buffer.from('filename="caf\xe9"', 'latin1'),
    Buffer.from('filename="\xed\xa0\x80"', 'latin1'),
    "filename*=utf-8''%ff%zz",
    "filename*=utf-8''%ff",
    "filename*=utf-8''%c0%af",
    "filename*=utf-8''%ed%a0%80",
    "filename*=utf-8''%00",
    "filename*=utf-8''a%0d%0ab",
    "filename*=utf-8''%",
    "filename*=utf-8''a'b",
    "filename*=utf-8'a",
    'filename*=plain',
    "filename*=iso-8859-1''a",
    'filename*="utf-8\'\'a"',
    'filename="good"; filename*=utf-8\'\'%ff',
  ]
  for (const written of forms) await assert.rejects(filenameIn(written), malformed, String(written))
})

test('refuses encodings that would have to be undone', async () => {
  const encoded = (encoding: string) =>
    parse(
      `${part(`Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: ${encoding}`, 'x')}--b--`,
    )
  for (const encoding of ['binary', '8bit', '7BIT']) assert.equal((await encoded(encoding)).length, 1)
  for (const encoding of ['base64', 'quoted-printable', '', 'x'])
    await assert.rejects(encoded(encoding), malformed)
})

test('refuses parts and headers that are named to reach into objects, and leaves Object.prototype alone', async () => {
  const before = Reflect.ownKeys(Object.prototype)
  const good = 'Content-Disposition: form-data; name="a"'
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    await assert.rejects(parse(`${field(name, 'x')}--b--`), malformed)
    await assert.rejects(parse(`${part(`${good}\r\n${name}: x`, '')}--b--`), malformed)
  }
  assert.equal((await parse(`${field('toString', 'x')}${field('__Proto__', 'x')}--b--`)).length, 2)
  assert.deepEqual(Reflect.ownKeys(Object.prototype), before)
})

test('reads what Node’s own FormData sends', async () => {
  const names = [
    'plain',
    'näme 文件 😀',
    'say "hi"',
    'semi;colon=x',
    'per%cent%2e',
    "it's",
    'back\\slash',
    'end\\',
  ]
  for (const name of names) {
    const form = new FormData()
    form.append(name, 'välue\r\n--x\r\n')
    form.append('file', new Blob(['\r\n--', 'bytes\n'], { type: 'text/plain' }), name)
    const parts = await readResponse(new Response(form))
    assert.deepEqual(
      parts.map((part) => [part.name, part.filename, part.contentType, part.content.toString()]),
      [
        [name, undefined, undefined, 'välue\r\n--x\r\n'],
        ['file', name, 'text/plain', '\r\n--bytes\n'],
      ],
      name,
    )
  }
})

test('refuses line ends that Node’s FormData hides in names', async () => {
  for (const name of ['a\r\nb', 'a\nb', 'a\rb']) {
    const form = new FormData()
    form.append(name, 'x')
    await assert.rejects(readResponse(new Response(form)), malformed)
  }
})

/** What the one part with this Content-Disposition is called. */
async function namesIn(disposition: string | Buffer): Promise<(string | undefined)[]> {
  const start = Buffer.from('--b\r\nContent-Disposition: ')
  const [only] = await parse(
    Buffer.concat([start, Buffer.from(disposition), Buffer.from('\r\n\r\n\r\n--b--')]),
  )
  return [only?.name, only?.filename]
}

async function filenameIn(parameters: string | Buffer): Promise<string | undefined> {
  const start = Buffer.from('form-data; name="file"; ')
  const [, filename] = await namesIn(Buffer.concat([start, Buffer.from(parameters)]))
  return filename
}

async function readResponse(response: Response) {
  const body = Buffer.from(await response.arrayBuffer())
  return readWhole(response.headers.get('content-type') ?? undefined, chunked(body, [9, 100]))
}

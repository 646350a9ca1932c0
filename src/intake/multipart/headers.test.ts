import assert from 'node:assert/strict'
import test from 'node:test'
import { chunked, field, formType, malformed, parse, part, readWhole } from './multipart.harness.ts'

test('takes any boundary that python-multipart takes, quoted or not', async () => {
  const longest = "0Az'()+_,-./:=? ".repeat(5).slice(0, 69)
  const types = {
    [`multipart/form-data; boundary="${longest}x"`]: `${longest}x`,
    'Multipart/Form-Data;BOUNDARY=a=b:c/d': 'a=b:c/d',
    'multipart/form-data ; charset=utf-8; boundary=x;': 'x',
    'multipart/form-data; boundary="a b"; note="\\"; boundary=c"': 'a b',
    [`multipart/form-data; boundary=${'b'.repeat(256)}`]: 'b'.repeat(256),
    "multipart/form-data; boundary={a}@#$%&*!|~^`'": "{a}@#$%&*!|~^`'",
    'multipart/form-data; boundary =x': 'x',
    'multipart/form-data; boundary = "a b" ; x': 'a b',
    'multipart/form-data; boundary=a b': 'a b',
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
    '; boundary="b\\""',
    '; boundary="b\r"',
    '; boundary=é',
    `; boundary=${'b'.repeat(257)}`,
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

test('refuses part headers with bad line ends, names, continuations or controls', async () => {
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
    `${good}\r\nContent-Transfer-Encoding: binary\r\ncontent-transfer-encoding: binary`,
    `${good}\r\nContent-Type: a\0b`,
  ]
  for (const header of headers) {
    await assert.rejects(parse(`${part(header, '')}--b--`), malformed, JSON.stringify(header))
  }
  assert.equal((await parse(Buffer.from(`${part(`X: \xff\r\n${good}`, '')}--b--`, 'latin1'))).length, 1)
  assert.equal((await parse(`${part(`X: é\t\r\n${good}\r\n__proto:`, '')}--b--`)).length, 1)
})

test('refuses a Content-Disposition that is not one plain name in form-data', async () => {
  const dispositions = [
    '',
    'form-data',
    'form-data; filename="x"',
    'attachment; name="a"',
    'form-data name="a"',
    'form-data; name="a',
    'form-data; name="a"b',
    'form-data; name="a" filename="b"',
    'form-data; name="a"; name="a"',
    'form-data; name="a"; NAME=b',
    'form-data; name="a"; name =b',
    'form-data; name="a"; name',
    'form-data; name=a"b',
    'form-data; name=a"b"',
    'form-data; name=a; filename="x',
    'form-data; name=a; filename="x"y',
    'form-data; name=a; filename="x"y; filename="',
    'form-data; filename="x; name=a',
    "form-data; name*=UTF-8''a",
    "form-data; name=a; filename*0*=UTF-8''x; filename*1=y",
    'form-data; name=a; filename*0="x"',
    'form-data; name="a\\"; filename="x"',
    `form-data; name=a${' '.repeat(4000)}"`,
  ]
  for (const disposition of dispositions) await assert.rejects(namesIn(disposition), malformed, disposition)
  assert.deepEqual(await namesIn('Form-Data ;\tname=a ; ; x="y" ;'), ['a', undefined])
  assert.deepEqual(await namesIn('form-data; name="a\\\\"; filename="b\\\\"'), ['a\\', 'b\\'])
  assert.deepEqual(await namesIn('form-data; filename=""; name=""'), ['', ''])
  assert.deepEqual(await namesIn("form-data; name=a; name*=UTF-8''b; x*=y"), ['a', undefined])
})

test('takes every parameter that Starlette takes', async () => {
  const filenames = {
    'filename=': '',
    'filename= ; x=y': '',
    filename: '',
    'filename=отчёт.pdf': 'отчёт.pdf',
    'filename=my report.pdf ; x=y': 'my report.pdf',
    'filename=C:\\a\\b.pdf': 'C:\\a\\b.pdf',
    'filename = "a.pdf"': 'a.pdf',
    'FILENAME\t=\t"a.pdf"\t;': 'a.pdf',
    'filename="a.pdf"; x': 'a.pdf',
    'filename="a.pdf"; é = ; "b=c;" ; 5"': 'a.pdf',
    'filename="a.pdf"; filename="b;.pdf"': 'b;.pdf',
    "filename*=utf-8''a.pdf; filename*=utf-8''b.pdf": 'b.pdf',
    'filename="say "hi"; you".txt"': 'say "hi"; you".txt"'.slice(0, -1),
    'filename=5" disk.txt': '5" disk.txt',
  }
  for (const [written, meant] of Object.entries(filenames))
    assert.equal(await filenameIn(written), meant, written)
  for (const name of ['name ="a"', 'name= "a"', 'Name = a', 'x; name=a'])
    assert.deepEqual(await namesIn(`form-data; ${name}`), ['a', undefined], name)
  for (const name of ['name', 'name='])
    assert.deepEqual(await namesIn(`form-data; ${name}; filename=x`), ['', 'x'], name)
})

test('takes the first Content-Type of a part, without what is not printable, and repeated other headers', async () => {
  const types: readonly (readonly [lines: string, type: string | undefined])[] = [
    ['Content-Type: application/pdf; name="отчёт.pdf"', 'application/pdf; name=".pdf"'],
    ['Content-Type: application/pdf; name="\xe9.pdf"', 'application/pdf; name=".pdf"'],
    ['Content-Type: text/plain;\tcharset=utf-8', 'text/plain; charset=utf-8'],
    ['Content-Type: a/b\r\ncontent-type: c/d', 'a/b'],
    ['Content-Type: é', undefined],
    ['Content-Description: a\r\nContent-Description: b', undefined],
  ]
  for (const [lines, type] of types) {
    const header = `Content-Disposition: form-data; name=a; filename=b\r\n${lines}`
    const encoding = lines.includes('\xe9') ? 'latin1' : 'utf8'
    const [only] = await parse(Buffer.from(`${part(header, '')}--b--`, encoding))
    assert.equal(only?.contentType, type, lines)
  }
})

test('reads filenames as browsers and vendors’ clients write them', async () => {
  const forms = {
    'filename="näme 文件 😀.pdf"': 'näme 文件 😀.pdf',
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
    "filename*=iso-8859-1''caf%e9%80": 'café€',
    "filename*=GBK''%b1%a8%b8%e6": '报告',
    'filename="fallback.txt"; filename*=UTF-8\'\'real.txt': 'real.txt',
    'filename="\u0085"; filename*=UTF-8\'\'real.txt': 'real.txt',
    'filename="50%22 100%0Applejuice %0D%0a.txt"': '50%22 100%0Applejuice %0D%0a.txt',
    'filename*=UTF-8\'\'real.txt; filename="fallback.txt"': 'real.txt',
    'filename="\u202Egpj.exe"': '\u202Egpj.exe',
    'filename="\uFEFFbom"': '\uFEFFbom',
  }
  for (const [written, meant] of Object.entries(forms))
    assert.equal(await filenameIn(written), meant, written)
})

test('refuses a filename that nothing can be made of', async () => {
  const forms = [
    'filename="a\0b"',
    'filename="a\tb"',
    'filename="a\x7fb"',
    'filename="a\u0085b"',
    'filename="a\0b"; filename*=utf-8\'\'%ff',
    'filename=a\tb',
    ...unreadable,
    'filename*0="a"',
  ]
  for (const written of forms) await assert.rejects(filenameIn(written), malformed, written)
})

test('reads the filename beside a filename* that cannot be read', async () => {
  for (const written of [...unreadable, "filename*=utf-8''", 'filename*0="a"'])
    assert.equal(await filenameIn(`${written}; filename="good"`), 'good', written)
})

const unreadable = [
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
  "filename*=none''a",
  'filename*="utf-8\'\'a"',
  "filename*=UTF-8''отчёт.pdf",
  "filename*=UTF-8''my report.pdf",
  'filename*=UTF-8\'\'say "hi".pdf',
  'filename*=',
  'filename* = ',
  'filename*',
]

test('reads names that are not UTF-8 as Latin-1, or in the charset that the form names', async () => {
  const encoded = (hex: string) =>
    Buffer.concat([Buffer.from('filename="'), Buffer.from(hex, 'hex'), Buffer.from('.txt"')])
  const names: readonly (readonly [hex: string, latin1: string, charset: string, meant: string])[] = [
    ['636166e9', 'café', 'iso-8859-1', 'café'],
    ['93a089', '“\u00a0‰', 'windows-1252', '“\u00a0‰'],
    ['eef2f7b8f2', 'îò÷¸ò', 'windows-1251', 'отчёт'],
    ['b1a8b8e6', '±¨¸æ', 'gbk', '报告'],
    // Shift_JIS, with a byte that Latin-1 does not have and one that is a backslash elsewhere.
    ['8cf6835c8d90', 'Œöƒ\\\ufffd\ufffd', 'shift_jis', '公ソ告'],
    ['eda080', 'í\u00a0€', 'koi8-r', 'М═─'],
  ]
  for (const [hex, latin1, charset, meant] of names) {
    const bytes = encoded(hex)
    assert.equal(await filenameIn(bytes), `${latin1}.txt`)
    const type = `multipart/form-data; boundary=b; charset=${charset}`
    assert.equal(await filenameIn(bytes, type), `${meant}.txt`)
  }
})

test('reads the encoded words of .NET and Java, also cut and mixed', async () => {
  const words = {
    '=?utf-8?B?0L7RgtGH0ZHRgi5wZGY=?=': 'отчёт.pdf',
    '=?UTF-8?Q?r=C3=A9sum=C3=A9_1=5F2.pdf?=': 'résumé 1_2.pdf',
    '=?utf-8*en-GB?q?a=2Fb?=': 'a/b',
    '=?windows-1251?B?7vL3uPI=?=': 'отчёт',
    '=?ISO-2022-JP?B?GyRCSnM5cBsoQg==?=': '報告',
    '=?utf-8?B?0L7RgtGH0ZE=?=  =?utf-8?B?0YIucGRm?=': 'отчёт.pdf',
    '=?utf-8?Q?=D0?= =?UTF-8?Q?=BE?==?utf-8?Q?=D1=82?=': 'от',
    '=?utf-8?Q?=D0=BE?= =?koi8-r?B?1A==?=': 'от',
    'C:\\a =?utf-8?Q?=D0=BE?= b.txt': 'C:\\a о b.txt',
    '=?utf-8?B?0L4=?=.txt': 'о.txt',
    '=?utf-8?B?not base64!?=': '=?utf-8?B?not base64!?=',
    '=?utf-8?Q?=D0?= =?utf-8?Q?=?=': '=?utf-8?Q?=D0?= =?utf-8?Q?=?=',
    '=?none?B?0L4=?=': '=?none?B?0L4=?=',
    '=?utf-8?B?/w==?=': '=?utf-8?B?/w==?=',
    '=?utf-8?X?0L4=?=': '=?utf-8?X?0L4=?=',
    'what=?.txt': 'what=?.txt',
    '=?utf-8?B??=': '=?utf-8?B??=',
    '=?utf-8?Q??= =?utf-8?B?0L4=?=': '=?utf-8?Q??= о',
    '=?utf-8?B?==?=': '=?utf-8?B?==?=',
    '=?ISO-2022-JP?B?GyhC?=': '=?ISO-2022-JP?B?GyhC?=',
  }
  for (const [written, meant] of Object.entries(words))
    assert.equal(await filenameIn(`filename="${written}"`), meant, written)
  assert.equal(await filenameIn('filename==?utf-8?B?0L4=?='), 'о')
  assert.equal(await filenameIn('filename="=?utf-8?B?0L4=?="; filename*=utf-8\'\'a'), 'a')
  await assert.rejects(filenameIn('filename="=?utf-8?Q?a=0Ab?="'), /line break/)
})

test('quotes a name that holds a line break or another control character', async () => {
  const quoted: readonly (readonly [disposition: string, quoted: RegExp])[] = [
    ['form-data; name="file"; filename="a\nb.txt"', /line break: "a\\nb\.txt"$/],
    ['form-data; name="file"; filename="a\rb.txt"', /line break: "a\\rb\.txt"$/],
    ['form-data; name="file"; filename="a\r\nb.txt"', /line break: "a\\r\\nb\.txt"$/],
    ['form-data; name="file"; filename="a\r\nX: b\r\n.txt"; x=y', /line break: "a\\r\\nX: b\\r\\n\.txt"$/],
    ['form-data; name="fi\nle"', /line break: "fi\\nle"$/],
    ['form-data; name="file"; filename="a\x1b\x7f\u0085"', /control character: "a\\u001b\\u007f\\u0085"$/],
    [`form-data; name="file"; filename="\n${'x'.repeat(9000)}"`, /: "\\nx{199}"$/],
  ]
  for (const [disposition, message] of quoted) {
    const body = `--b\r\nContent-Disposition: ${disposition}\r\n\r\n\r\n--b--`
    await assert.rejects(parse(body, { headerBytes: 20_000 }), { ...malformed, message }, disposition)
  }
})

test('drops the control characters of a filename where that is asked for, and refuses a bare line end', async () => {
  const parsed = async (parameters: string) => {
    const body = part(`Content-Disposition: form-data; name="file"; ${parameters}`, 'x')
    return (await parse(`${body}--b--`, { dropsControls: true }))[0]?.filename
  }
  assert.equal(await parsed('filename="a\tb\u0001\u007f\u0085c.txt"'), 'abc.txt')
  assert.equal(await parsed("filename*=utf-8''a%0D%0A%00b.txt; filename=x"), 'ab.txt')
  assert.equal(await parsed('filename="=?utf-8?q?a=0Ab?="'), 'ab')
  assert.equal(await parsed('filename="\u0001"'), '')
  for (const end of ['\r', '\n', '\0']) await assert.rejects(parsed(`filename="a${end}b"`), malformed)
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

test('undoes the quotes that browsers and undici escape, and no other client’s percent signs', async () => {
  const nodes = new Response(new FormData()).headers.get('content-type')?.split('=')[1] ?? ''
  const browsers = [
    nodes,
    '----WebKitFormBoundaryfhAixEquS0sYkO8i',
    '---------------------------1258811295367515440181728109',
    '----geckoformboundaryfaa0f7b264525ad835555a5b95d739',
  ]
  const others = ['b', '0123456789abcdef0123456789abcdef', '------------------------d74496d66958873e']
  const name = '50%22 %0D%0a%2522.txt'
  for (const boundary of [...browsers, ...others]) {
    const body = `--${boundary}\r\nContent-Disposition: form-data; name="%22"; filename="${name}"\r\n\r\n\r\n--${boundary}--`
    const [only] = await parse(body, {}, `multipart/form-data; boundary=${boundary}`)
    const unquoted = (text: string) => (others.includes(boundary) ? text : text.replace('%22', '"'))
    assert.deepEqual([only?.name, only?.filename], [unquoted('%22'), unquoted(name)], boundary)
    const [told] = await parse(body, { escapesQuotes: true }, `multipart/form-data; boundary=${boundary}`)
    assert.equal(told?.filename, name.replace('%22', '"'))
  }
})

test('keeps the line ends that Node’s FormData escapes in names', async () => {
  const form = new FormData()
  form.append('a\r\nb', 'x')
  form.append('file', new Blob(['x']), '100\npple.txt')
  const [first, second] = await readResponse(new Response(form))
  assert.deepEqual([first?.name, second?.filename], ['a%0D%0Ab', '100%0Apple.txt'])
})

/** What the one part with this Content-Disposition is called. */
async function namesIn(disposition: string | Buffer, type = formType): Promise<(string | undefined)[]> {
  const start = Buffer.from('--b\r\nContent-Disposition: ')
  const body = Buffer.concat([start, Buffer.from(disposition), Buffer.from('\r\n\r\n\r\n--b--')])
  const [only] = await parse(body, {}, type)
  return [only?.name, only?.filename]
}

async function filenameIn(parameters: string | Buffer, type = formType): Promise<string | undefined> {
  const start = Buffer.from('form-data; name="file"; ')
  const [, filename] = await namesIn(Buffer.concat([start, Buffer.from(parameters)]), type)
  return filename
}

async function readResponse(response: Response) {
  const body = Buffer.from(await response.arrayBuffer())
  return readWhole(response.headers.get('content-type') ?? undefined, chunked(body, [9, 100]))
}

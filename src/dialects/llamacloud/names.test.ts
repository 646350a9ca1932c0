import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { withToken } from '../../../test/link-token.ts'
import {
  filePart,
  formOf,
  LlamaCloudClient,
  type PageBody,
  purposePart,
  urlOf,
} from '../../../test/llamacloud-client.ts'
import { sendRaw } from '../../../test/raw-http.ts'
import type { FileBody } from './wire.ts'

let server: TestServer
let client: LlamaCloudClient

before(async () => {
  server = await TestServer.start()
  client = new LlamaCloudClient(server)
})
after(() => server.stop())

async function download(file: FileBody, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(urlOf(file).url, { headers })
}

/** The name that a browser would save under: `filename*` if it can read it. */
function savedName(response: Response): string {
  const header = response.headers.get('content-disposition') ?? ''
  const [, ascii, encoded] =
    /^attachment; filename="([ -~]*)"; filename\*=UTF-8''([!-~]*)$/.exec(header) ?? []
  assert.ok(ascii !== undefined && encoded !== undefined, header)
  assert.doesNotMatch(ascii, /["\\/%]/)
  return decodeURIComponent(encoded)
}

/** The name sent, the name kept, and the name offered for saving where it is another. */
const names: readonly (readonly [string, string, string?])[] = [
  ['../../etc/passwd', 'passwd'],
  ['..\\..\\boot.ini', 'boot.ini'],
  ['/proc/self/environ', 'environ'],
  ['C:\\Windows\\system.ini', 'system.ini'],
  ['\\\\host\\share\\plan.doc', 'plan.doc'],
  ['file:///etc/hosts', 'hosts'],
  ['~', '~'],
  ['.', '.', 'file'],
  ['..', '..', 'file'],
  ['CON', 'CON'],
  ['-rf', '-rf'],
  ['trailing dot.', 'trailing dot.'],
  ['a;b="c".txt', 'a;b="c".txt'],
  ['%0d%0aSet-Cookie: a=b', '%0d%0aSet-Cookie: a=b'],
  ['100%0Applejuice 50%22.txt', '100%0Applejuice 50%22.txt'],
  ['a%2e%2e%2fb.txt', 'a%2e%2e%2fb.txt'],
  ['invoice\u202Efdp.exe', 'invoice\u202Efdp.exe', 'invoicefdp.exe'],
  ['a\u2066b\u2069.txt', 'a\u2066b\u2069.txt', 'ab.txt'],
  ['arabic\u061cmark.txt', 'arabic\u061cmark.txt', 'arabic\u061cmark.txt'],
  ['zero\u200bwidth\ufeff.txt', 'zero\u200bwidth\ufeff.txt', 'zerowidth.txt'],
  ['раураl.html', 'раураl.html'],
  ['cafe\u0301.txt', 'cafe\u0301.txt'],
  ['caf\u00e9.txt', 'caf\u00e9.txt'],
  ['report.pdf.exe', 'report.pdf.exe'],
  ['=cmd()|x', '=cmd()|x'],
  ['$(reboot) `id` && x', '$(reboot) `id` && x'],
]
for (const [sent, kept, saved = kept] of names) {
  test(`a file named ${JSON.stringify(sent)} is data, and harmless on download`, async () => {
    const answer = await client.upload([filePart('hello', sent.replaceAll('"', '\\"')), purposePart()])
    assert.equal(answer.status, 201, answer.text)
    assert.equal(answer.body.name, kept)
    const response = await download(answer.body)
    assert.equal(savedName(response), saved)
    assert.equal(await response.text(), 'hello')
  })
}

test('a name is found composed and decomposed, and is no other because it looks alike', async (t) => {
  const alike = ['cafe\u0301.txt', 'c\u0430f\u00e9.txt', 'CAF\u00c9.txt', 'caf\u00e9\u200b.txt']
  const own = await TestServer.start()
  t.after(() => own.stop())
  const files = new LlamaCloudClient(own)
  for (const name of alike) await files.stored(name, name)
  for (const name of alike) {
    for (const spelling of [name, name.normalize('NFC'), name.normalize('NFD')]) {
      const byList = await files.get<PageBody>(`?file_name=${encodeURIComponent(spelling)}`)
      const byQuery = await files.query({ filter: { file_name: spelling } })
      for (const { body } of [byList, byQuery])
        assert.deepEqual(
          body.items.map((file) => file.name),
          [name],
        )
    }
  }
})

test('a chain of joined emoji is data like any name, and cut for the header between families', async () => {
  const name = `${'👨‍👩‍👧‍👦'.repeat(400)}.txt`
  const file = await client.stored('hello', name)
  assert.equal(file.name, name)
  const saved = savedName(await download(file))
  assert.match(saved, /^(👨‍👩‍👧‍👦)+\.txt$/u)
  assert.ok(Buffer.byteLength(saved) <= 255)
})

test('a name that a file system can hold is saved whole, a longer one does not keep a client from its file', async () => {
  const longest = await client.stored('hello', `${'n'.repeat(251)}.txt`)
  assert.equal(savedName(await download(longest)), longest.name)
  for (const name of ['n'.repeat(256), 'ü'.repeat(1000), 'n'.repeat(3000)])
    assert.equal(await (await download(await client.stored('hello', name))).text(), 'hello')
})

test('a header of a download is no longer than clients read, whatever the name', async () => {
  // Node's own client reads 16 KiB of headers, others less.
  const file = await client.stored('hello', `${'📄'.repeat(2996)}.txt`)
  const response = await download(file)
  assert.equal(await response.text(), 'hello')
  assert.ok((response.headers.get('content-disposition') ?? '').length < 4 * 1024)
})

test('a filename* is preferred to the filename beside it, and both headers come from one name', async () => {
  const parameters = `a.pdf"; filename*=UTF-8''%E2%82%AC%20a.html; x="`
  const answer = await client.sendForm(formOf([filePart('<b>', parameters), purposePart()]))
  assert.equal(answer.body.name, '€ a.html')
  const disposition = (await download(answer.body)).headers.get('content-disposition')
  assert.equal(disposition, `attachment; filename="_ a.html"; filename*=UTF-8''%E2%82%AC%20a.html`)
})

/** Parameters as clients write them that do not send UTF-8 between quotes, their bytes as Latin-1; and the name meant. */
const encoded: readonly (readonly [string, string, charset?: string])[] = [
  ['filename="=?utf-8?B?0L7RgtGH0ZHRgi5wZGY=?="', 'отчёт.pdf'],
  ['filename="=?utf-8?B?w7/Dv8O/LnBkZg==?="', 'ÿÿÿ.pdf'],
  ['filename="=?UTF-8?Q?a/=D0=BE=2Fb_=E2=84=96_1=2Epdf?="', 'b № 1.pdf'],
  ['filename="=?UTF-8?Q?=D0=BE?= =?UTF-8?Q?=D1=82.pdf?="', 'от.pdf'],
  ['filename="=?broken?B?0L7RgtGH0ZHRgi5wZGY=?="', '=?broken?B?0L7RgtGH0ZHRgi5wZGY=?='],
  ['filename="r\xe9sum\xe9.pdf"', 'résumé.pdf'],
  ['filename="\xee\xf2\xf7\xb8\xf2.pdf"', 'îò÷¸ò.pdf'],
  ['filename="\xb1\xa8\xb8\xe6.pdf"', '±¨¸æ.pdf'],
  ['filename="\xb1\xa8\xb8\xe6.pdf"', '报告.pdf', 'GBK'],
  ['filename="good.pdf"; filename*=utf-8\'\'%ff%zz', 'good.pdf'],
  ['filename*=utf-8\'\'a%0ab.pdf; filename="good.pdf"', 'good.pdf'],
  ["filename*=iso-8859-1''caf%e9.pdf", 'café.pdf'],
  ['filename="plain.pdf"; filename*=UTF-8\'\'\xd0\xbe.pdf', 'plain.pdf'],
  ['filename="plain.pdf"; filename*=UTF-8\'\'my report.pdf', 'plain.pdf'],
  ['filename="plain.pdf"; filename*=', 'plain.pdf'],
  ['filename=\xd0\xbe \xd1\x82.pdf', 'о т.pdf'],
  ['filename = "a.pdf"; x', 'a.pdf'],
  ['filename="a.pdf"; filename="b.pdf"', 'b.pdf'],
  ['filename="say "hi".txt"', 'say "hi".txt'],
  ['filename="=?utf-8?B??="', '=?utf-8?B??='],
  // A backslash in Latin-1 is half of a character in Shift-JIS, GBK and Big5.
  ['filename="\x95\x5c.pdf"', '•\\.pdf'],
  ['filename="a\x95\x5c"', 'a•\\'],
  ['filename="\xd5\x5c.pdf"', 'Õ\\.pdf'],
  ['filename="C:\\dir\\\xa5\x5c\xaf\xe0.pdf"', '¥\\¯à.pdf'],
  ['filename="dir/\x95\x5c.pdf"', '•\\.pdf'],
  ['filename="dir\xd0\xbe\\b.pdf"', 'b.pdf'],
  ['filename="\x95\x5c.pdf"', '表.pdf', 'Shift_JIS'],
]
for (const [parameters, name, charset = 'utf-8'] of encoded) {
  test(`${JSON.stringify(parameters)} in ${charset} is named ${name}`, async () => {
    const start = `--b\r\nContent-Disposition: form-data; name="file"; ${parameters}\r\n\r\nhello\r\n`
    const purpose = '--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nparse\r\n--b--'
    const answer = await client.sendForm(Buffer.from(start + purpose, 'latin1'), {
      'content-type': `multipart/form-data; boundary=b; charset=${charset}`,
    })
    assert.deepEqual([answer.status, answer.body.name], [201, name])
    assert.equal(savedName(await download(answer.body)), name)
  })
}

test('a form is taken however Starlette takes it, and a file with an empty filename is called by its id', async () => {
  const header =
    'Content-Disposition: form-data; name = file; filename=\r\nContent-Description: a\r\nContent-Description: b'
  const start = `${'\r\n'.repeat(1000)}\n--b\r\n${header}\r\nContent-Type: application/pdf;\tname="отчёт.pdf"\r\n\r\nhello\r\n`
  const purpose = '--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nparse\r\n--b--'
  const type = { 'content-type': 'multipart/form-data; boundary =b' }
  const answer = await client.sendForm(start + purpose, type)
  assert.equal(answer.status, 201, answer.text)
  assert.match(answer.body.name, /^[0-9a-z-]+\.pdf$/)
})

test('%22 is a quote in what browsers and undici send, and itself in what others do', async () => {
  const boundary = '----WebKitFormBoundaryfhAixEquS0sYkO8i'
  const form = formOf([filePart('x', '50%22 100%0Apple.txt'), purposePart()], boundary)
  const type = `multipart/form-data; boundary=${boundary}`
  assert.equal((await client.sendForm(form, { 'content-type': type })).body.name, '50" 100%0Apple.txt')
  const body = new FormData()
  body.set('purpose', 'parse')
  body.set('file', new Blob(['x']), 'say "hi" 100%0A.txt')
  const init = { method: 'POST', headers: { authorization: `Bearer ${server.key}` }, body }
  const { name } = (await (await fetch(`${server.url}/api/v1/beta/files`, init)).json()) as FileBody
  assert.equal(name, 'say "hi" 100%0A.txt')
})

const active: readonly (readonly [string, string, string])[] = [
  ['page.html', 'text/html', '<script>alert(1)</script>'],
  ['image.svg', 'image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'],
  ['page.xhtml', 'application/xhtml+xml', '<html xmlns="http://www.w3.org/1999/xhtml"/>'],
  ['style.xml', 'text/xml', '<?xml-stylesheet href="x.xsl"?><a/>'],
  ['script.js', 'text/javascript', 'alert(1)'],
  ['mail.mhtml', 'message/rfc822', 'MIME-Version: 1.0'],
  ['plain.txt', 'text/plain', '<html><script>alert(1)</script>'],
  ['polyglot.gif', 'image/gif', 'GIF89a=1;alert(1)'],
  ['utf7.txt', 'text/plain; charset=utf-7', '+ADw-script+AD4-'],
]
for (const [name, type, content] of active) {
  test(`${name} comes back as an attachment that acts nowhere`, async () => {
    const { body: file } = await client.upload([
      { name: 'file', filename: name, type, content },
      purposePart(),
    ])
    const etag = (await download(file)).headers.get('etag') ?? ''
    const url = urlOf(file).url
    const answers: readonly (readonly [number, Response])[] = [
      [200, await download(file)],
      [200, await fetch(url, { method: 'HEAD' })],
      [206, await download(file, { range: 'bytes=0-1' })],
      [304, await download(file, { 'if-none-match': etag })],
      [412, await download(file, { 'if-match': '"other"' })],
      [416, await download(file, { range: 'bytes=9999-' })],
      [403, await fetch(withToken(url, (token) => `${token}x`))],
    ]
    for (const [status, { status: actual, headers }] of answers) {
      assert.equal(actual, status)
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
      assert.equal(headers.get('content-security-policy'), "sandbox; default-src 'none'")
      assert.equal(headers.get('referrer-policy'), 'no-referrer')
      assert.equal(headers.get('cross-origin-resource-policy'), 'cross-origin')
      if (status < 300) assert.match(headers.get('content-disposition') ?? '', /^attachment; /)
    }
    await client.delete(file.id)
    assert.equal((await fetch(url)).headers.get('content-security-policy'), "sandbox; default-src 'none'")
  })
}

test('the header of a download is one line, whatever the name holds', async () => {
  const file = await client.stored('hello', `a%22%3B\\';=é ☃.txt`)
  const { pathname } = new URL(urlOf(file).url)
  const { status, headers } = await sendRaw(server.url, `GET ${pathname} HTTP/1.1\r\nHost: x\r\n\r\n`)
  assert.equal(status, 200)
  assert.match(
    headers.get('content-disposition') ?? '',
    /^attachment; filename="[ -~]+"; filename\*=UTF-8''[!-~]+$/,
  )
})

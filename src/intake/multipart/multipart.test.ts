import assert from 'node:assert/strict'
import test from 'node:test'
import { endless, field, file, formType, malformed, parse, part, readWhole } from './multipart.harness.ts'
import type { MultipartLimits } from './multipart.ts'

test('reads fields and a file in any order', async () => {
  const header =
    'Content-Disposition: form-data; name=file; filename="a.pdf"\r\nContent-Type: application/pdf'
  const body = `${part(header, '%PDF\r\n--')}${field('purpose', 'parse')}${field('empty', '')}--b--\r\n`
  assert.deepEqual(await parse(body), [
    { name: 'file', filename: 'a.pdf', contentType: 'application/pdf', content: Buffer.from('%PDF\r\n--') },
    { name: 'purpose', filename: undefined, contentType: undefined, content: Buffer.from('parse') },
    { name: 'empty', filename: undefined, contentType: undefined, content: Buffer.from('') },
  ])
})

test('gives the same parts wherever the body is cut', async () => {
  const body = `\r\n${file('ä.txt', '\r\n--\r\n--a\r\r\n-\r\n--')}${field('é', 'ü')}--b--\r\n`
  const whole = await parse(body, {}, formType, [])
  const bytes = Buffer.from(body)
  for (let cut = 0; cut < bytes.length; cut++) {
    assert.deepEqual(await parse(bytes, {}, formType, [cut]), whole, `cut at ${cut}`)
  }
  assert.deepEqual(
    await parse(
      bytes,
      {},
      formType,
      [...bytes.keys(), 5, 5].sort((a, b) => a - b),
    ),
    whole,
  )
})

test('takes a form without parts, and a part whose blank line is the boundary’s own', async () => {
  assert.deepEqual(await parse('--b--\r\n'), [])
  assert.deepEqual(await parse('--b--'), [])
  const [empty] = await parse('--b\r\nContent-Disposition: form-data; name=x; filename=y\r\n\r\n--b--')
  assert.deepEqual(empty?.content, Buffer.from(''))
})

test('refuses a body that is cut off anywhere', async () => {
  const body = `${field('a', '1')}${file('f', 'content')}--b--`
  for (let length = 0; length < body.length; length++) {
    await assert.rejects(parse(body.slice(0, length)), malformed, JSON.stringify(body.slice(0, length)))
  }
  assert.equal((await parse(body)).length, 2)
})

test('refuses a body without its boundary, and text in front of it', async () => {
  const good = `${field('a', '1')}--b--`
  for (const body of ['garbage', '--c--', `--b-\r\n`, '--b', '--b\r\n', '--b\n', '--b \r\n']) {
    await assert.rejects(parse(body), malformed, body)
  }
  for (const body of [`text\r\n${good}`, ` ${good}`, `\n-\r\n${good}`, `\nx${good}`]) {
    await assert.rejects(parse(body), malformed, body)
  }
  for (const blanks of ['\n', '\r', '\n ', '\r\n \t\r\n', '\r\n'.repeat(5000)])
    assert.equal((await parse(`${blanks}${good} \r\n\r\n`, {}, formType, [1, 2, 3])).length, 1)
})

test('takes boundaries that are padded with blanks', async () => {
  const body = `${field('a', '1')}${file('f', ' --b')}`.replaceAll('--b\r\nC', '--b \t\r\nC')
  assert.equal(body.split('--b \t').length, 3)
  const read = async (cuts: number[]) =>
    (await parse(`${body}--b--`, {}, formType, cuts)).map(({ name }) => name)
  for (let cut = 0; cut < body.length; cut++) assert.deepEqual(await read([cut]), ['a', 'file'])
  const padded = field('a', '1').replace('--b', `--b${' '.repeat(1024)}`)
  assert.equal((await parse(`${padded}--b--`)).length, 1)
})

test('ignores what follows the closing boundary', async () => {
  const good = `${field('a', '1')}--b--`
  for (const epilogue of ['x', '\r\ntext', `\r\n${good}`, ' '.repeat(5000)])
    assert.equal((await parse(`${good}${epilogue}`)).length, 1, epilogue)
})

test('reads bytes that are not UTF-8 in the charset of the form, or as Latin-1', async () => {
  const value = async (bytes: Buffer, type = formType) => {
    const body = Buffer.concat([Buffer.from(field('a', '').slice(0, -2)), bytes, Buffer.from('\r\n--b--')])
    return (await parse(body, {}, type))[0]?.content.toString()
  }
  assert.equal(await value(Buffer.from('caf\xe9 \x96 \x81', 'latin1')), 'café – \ufffd')
  assert.equal(await value(Buffer.from('\ufeffé')), '\ufeffé')
  assert.equal(await value(Buffer.from('b1a8b8e6', 'hex'), `${formType}; charset=GBK`), '报告')
  assert.equal(await value(Buffer.from('\xff', 'latin1'), `${formType}; charset=GBK`), 'ÿ')
  for (const charset of ['utf-16', 'none', 'UTF-8'])
    assert.equal(await value(Buffer.from('é'), `${formType}; charset=${charset}`), 'é', charset)
})

test('takes parts for what the reader says they are, and skips what it ignores', async () => {
  const roleOf = (name: string) => (name === 'f' ? 'file' : name === 'a' ? 'field' : 'ignored')
  const body = [
    field('f', 'bytes'),
    file('other', 'x'.repeat(100)).replace('"file"', '"x"'),
    field('y', 'y'.repeat(100)),
    field('a', '1'),
  ].join('')
  const parts = await parse(`${body}--b--`, { roleOf, files: 1, fieldBytes: 10 })
  assert.deepEqual(
    parts.map(({ name, filename, content }) => [name, filename, content.toString()]),
    [
      ['f', '', 'bytes'],
      ['a', undefined, '1'],
    ],
  )
  await assert.rejects(parse(`${body}--b--`, { roleOf, parts: 3 }), malformed)
})

test('refuses a boundary that goes on as something else, rather than swallow a part', async () => {
  const hidden = 'Content-Disposition: form-data; name="hidden"\r\n\r\n'
  for (const tail of [
    'x',
    '-',
    '-x',
    '\n',
    '\r',
    '\rx',
    ' --',
    ' x\r\n',
    `${' '.repeat(1025)}\r\n`,
    ' \n',
    '\v\r\n',
    `xx${hidden}`,
  ]) {
    const body = `${file('f', `content\r\n--b${tail}`)}${field('a', '1')}--b--`
    await assert.rejects(parse(body), malformed, JSON.stringify(tail))
  }
})

test('takes as much as each limit allows and refuses one more', async () => {
  const header = 'Content-Disposition: form-data; name="a"'
  const headerBytes = header.length + '\r\n\r\n'.length
  const many = `${field('a', '1')}${field('a', '2')}--b--`
  const cases: [keyof MultipartLimits, number, string][] = [
    ['parts', 2, many],
    ['files', 2, `${file('f', '')}${file('f', '')}--b--`],
    ['headerBytes', headerBytes, many],
    ['headerLines', 3, `${part(`${header}\r\nX: 1\r\nX: 2`, '')}--b--`],
    ['fieldBytes', 5, `${field('a', '12345')}--b--`],
    ['preambleBytes', 4, '\r\n\r\n--b--'],
    ['bodyBytes', many.length, many],
  ]
  for (const [limit, value, body] of cases) {
    const code = limit === 'bodyBytes' ? 'body-too-large' : 'request-malformed'
    await assert.doesNotReject(parse(body, { [limit]: value }), limit)
    const refusal = {
      code,
      message: limit === 'bodyBytes' ? /maximum of \d+ bytes/ : new RegExp(`${value - 1}`),
    }
    await assert.rejects(parse(body, { [limit]: value - 1 }), refusal, limit)
  }
})

test('refuses by default a second file, a 2001st part, a big field, a long header and 17 lines of one', async () => {
  const header = (more: string) => part(`Content-Disposition: form-data; name="a"${more}`, '')
  const bodies = [
    file('a', '').repeat(2),
    field('a', '').repeat(2001),
    field('a', 'x'.repeat(64 * 1024 + 1)),
    header(`\r\nX: ${'x'.repeat(8192)}`),
    header(`; filename="${'\\'.repeat(8192)}"`),
    header('\r\nX: x'.repeat(16)),
  ]
  for (const body of bodies) await assert.rejects(parse(`${body}--b--`), malformed)
})

test('refuses endless blanks, headers and lines as they come', { timeout: 5000 }, async () => {
  for (const start of ['', '--b\r\n', `${field('a', '')}--b\r\nX: `, '--b\r\nX: 1\r\n']) {
    await assert.rejects(
      readWhole(formType, endless(Buffer.from(start), Buffer.alloc(4096, '\r\n'))),
      malformed,
    )
    await assert.rejects(readWhole(formType, endless(Buffer.from(start), Buffer.alloc(4096, 'x'))), malformed)
  }
})

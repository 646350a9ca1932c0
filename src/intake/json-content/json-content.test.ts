import assert from 'node:assert/strict'
import test from 'node:test'
import { gather, inChunks, readWhole } from './json-content.harness.ts'
import { readJsonWithContent } from './json-content.ts'

const notJson = { code: 'body-not-json' }

test('reads the content and the rest, keys in any order', async () => {
  const rest = { folderId: 'x', labels: { a: 'b' } }
  for (const body of [
    '{"folderId":"x","content":"QUJD","labels":{"a":"b"}}',
    '{"content":"QUJD","folderId":"x","labels":{"a":"b"}}',
    ' {\n"labels" : {"a":"b"} ,\t"folderId":"x", "content" : "QUJD"\r\n} ',
  ]) {
    assert.deepEqual(await readWhole(body), { rest, content: Buffer.from('ABC') })
  }
})

test('gives the same wherever the body is cut', async () => {
  const body = Buffer.from(
    '{"ä\\"":[{"content":"}"}],"\\u0063ontent":"\\/+A\\u002fAA\\u003D\\u003d","b":"\\\\"}',
  )
  const whole = await readWhole(body)
  assert.deepEqual(whole, {
    rest: { 'ä"': [{ content: '}' }], b: '\\' },
    content: Buffer.from('/+A/AA==', 'base64'),
  })
  for (let cut = 0; cut <= body.length; cut++) assert.deepEqual(await readWhole(body, [cut]), whole)
  assert.deepEqual(await readWhole(body, [...body.keys()]), whole)
})

test('tells with the content what stands before it, wherever the body is cut', async () => {
  const body = Buffer.from('{"a\\"":{"b":[1]},"c":"\\u00e9","content":"QUJD","d":1}')
  for (let cut = 0; cut <= body.length; cut++) {
    const options = { contentField: 'content', maxContentBytes: 10, maxOtherBytes: 1024 * 1024 }
    const { content } = await readJsonWithContent(inChunks(body, [cut]), options, async (bytes, before) => ({
      before,
      bytes: await gather(bytes),
    }))
    assert.deepEqual(content, { before: { 'a"': { b: [1] }, c: 'é' }, bytes: Buffer.from('ABC') })
  }
  await assert.rejects(readWhole('{"a":nonsense,"content":"QUJD"}'), notJson)
})

test('takes a missing content and null for none, an empty one for no bytes', async () => {
  assert.deepEqual(await readWhole('{}'), { rest: {}, content: undefined })
  assert.deepEqual(await readWhole('{"a":1,"content":null}'), { rest: { a: 1 }, content: undefined })
  assert.deepEqual(await readWhole('{"content":""}'), { rest: {}, content: Buffer.alloc(0) })
})

test('refuses a content that is no string', async () => {
  for (const value of ['1', 'true', '{}', '[]', '["QUJD"]', '{"content":"QUJD"}']) {
    await assert.rejects(readWhole(`{"content":${value}}`), { code: 'field-invalid', field: 'content' })
  }
})

test('takes only the key of the outermost object for the content', async () => {
  const rest = {
    labels: { content: '!' },
    list: [{ content: '!' }],
    text: '"content":"!',
    key: 'content',
    'content ': '!',
  }
  const body = `${JSON.stringify(rest).slice(0, -1)},"content":"QUJD"}`
  assert.deepEqual(await readWhole(body), { rest, content: Buffer.from('ABC') })
})

test('refuses a key of the outermost object that comes twice, whichever way it is written', async () => {
  for (const [first, second] of [
    ['"content":"QUJD"', '"content":"QUJD"'],
    ['"content":"QUJD"', '"\\u0063onten\\u0074":"QUJD"'],
    ['"\\u0063ontent":null', '"content":"QUJD"'],
    ['"content":"QUJD"', '"content":null'],
    ['"content":1', '"content":"QUJD"'],
    ['"a":1', '"a":1'],
    ['"/":1', '"\\/":1'],
    ['"__proto__":1', '"__proto__":1'],
  ]) {
    await assert.rejects(readWhole(`{${first},${second}}`), notJson, `${first},${second}`)
  }
  await assert.rejects(readWhole('{"folderId":1,"folderId":2}'), { ...notJson, field: 'folderId' })
})

test('keeps __proto__ as a key like others', async () => {
  const { rest } = await readWhole('{"__proto__":{"polluted":true},"content":"QUJD"}')
  assert.deepEqual(Object.keys(rest), ['__proto__'])
  assert.equal(Object.getPrototypeOf(rest), Object.prototype)
  assert.equal(rest.polluted, undefined)
})

test('skips a byte order mark in front of the object, however it is cut, and there alone', async () => {
  for (const cut of [0, 1, 2, 3, 4]) {
    const { rest, content } = await readWhole('\ufeff{"a":1,"content":"QUJD"}', [cut])
    assert.deepEqual([rest, content?.toString()], [{ a: 1 }, 'ABC'])
  }
})

test('refuses what is no JSON object', async () => {
  const marked = [
    '\ufeff',
    '\ufeff\ufeff{}',
    ' \ufeff{}',
    '{\ufeff}',
    '{}\ufeff',
    '{"a":\ufeff1}',
    '\ufeff[]',
  ]
  for (const body of ['', ' ', 'null', '[]', '"content"', '1', ...marked, '\0', "{'content':''}"]) {
    await assert.rejects(readWhole(body), notJson, body)
  }
})

test('refuses a body that is cut off anywhere, or goes on', async () => {
  const body = '{"a":[1,{"b":"c"}],"content":"QUJD","d":true}'
  for (let length = 0; length < body.length; length++) {
    await assert.rejects(readWhole(body.slice(0, length)), notJson, body.slice(0, length))
  }
  for (const tail of ['}', '{}', ',', '"', 'x', '\0', ' null', '\v']) {
    await assert.rejects(readWhole(body + tail), notJson, tail)
  }
  assert.deepEqual((await readWhole(`${body} \r\n\t`)).content, Buffer.from('ABC'))
})

test('refuses every slip of the grammar around the content', async () => {
  for (const body of [
    '{,}',
    '{"content" "QUJD"}',
    '{"content"::"QUJD"}',
    '{"content":"QUJD",}',
    '{"content":"QUJD""a":1}',
    '{"content":"QUJD" "a"}',
    '{"content":"QUJD":1}',
    '{"content":"QUJD"x}',
    '{"content":x"QUJD"}',
    '{"content":1"QUJD"}',
    '{"content":}',
    '{"a":1 2,"content":"QUJD"}',
    '{"a":[},"content":"QUJD"}',
    '{"a":{],"content":"QUJD"}',
    '{"a":01,"content":"QUJD"}',
    '{"a":nul,"content":"QUJD"}',
    '{"a":"\n","content":"QUJD"}',
    '{"a":"\\x","content":"QUJD"}',
    '{"\\x":1,"content":"QUJD"}',
    '{a:1,"content":"QUJD"}',
    '{"content":"QUJD"]',
    '{"content":"QUJD"/**/}',
  ]) {
    await assert.rejects(readWhole(body), notJson, body)
  }
})

test('refuses numbers, strings and bytes that no value can hold', async () => {
  for (const value of ['1e400', '-1e400', '[{"b":1e999}]', '"\\ud800"', '{"\\udc00":1}']) {
    await assert.rejects(readWhole(`{"a":${value}}`), notJson, value)
  }
  for (const bytes of ['"\xff"', '"\xc3"', '"\xed\xa0\x80"', '"\xc0\xaf"', '\xff']) {
    await assert.rejects(readWhole(Buffer.from(`{"a":${bytes}}`, 'latin1')), notJson)
  }
  await assert.rejects(readWhole(Buffer.from('{"\xff":1}', 'latin1')), notJson)
})

test('refuses a body nested deeper than 100 levels, long before its end', async () => {
  const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
  assert.ok((await readWhole(nested(100))).rest)
  await assert.rejects(readWhole(nested(101)), { ...notJson, message: /deeper/ })
  await assert.rejects(readWhole(`{"a":${'{"a":'.repeat(100_000)}`), { ...notJson, message: /deeper/ })
})

test('refuses more than 1000 keys of the outermost object', async () => {
  const keyed = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [index, 0]))
  assert.ok(await readWhole(JSON.stringify({ ...keyed(999), labels: keyed(2000) })))
  await assert.rejects(readWhole(JSON.stringify({ ...keyed(1000), content: 'QUJD' })), notJson)
})

test('bounds what is beside the content, blanks included', async () => {
  const body = '{"a":"b","content":"QUJDQUJDQUJDQUJD"}'
  const maxOtherBytes = body.length - 16
  assert.ok(await readWhole(body, [], { maxOtherBytes }))
  for (const larger of [`${body} `, ` ${body}`, body.replace('b', 'bb')]) {
    await assert.rejects(readWhole(larger, [], { maxOtherBytes }), { code: 'body-too-large' })
  }
})

import assert from 'node:assert/strict'
import test from 'node:test'
import { readWhole } from './json-content.harness.ts'

const notBase64 = { code: 'field-invalid', field: 'content', message: 'content: not valid base64' }

/** The content of a body with this text between its quotes, cut in two at every offset. */
async function contentOf(text: string): Promise<Buffer | undefined> {
  const body = Buffer.from(`{"content":"${text}"}`, 'latin1')
  const { content } = await readWhole(body)
  for (const cut of body.keys()) assert.deepEqual((await readWhole(body, [cut])).content, content)
  return content
}

async function refuses(text: string): Promise<void> {
  const body = Buffer.from(`{"content":"${text}"}`, 'latin1')
  await assert.rejects(readWhole(body), notBase64, text)
  for (const cut of body.keys())
    await assert.rejects(readWhole(body, [cut]), notBase64, `${text} cut at ${cut}`)
}

test('takes the standard and the URL-safe alphabet, padded or not', async () => {
  for (let length = 0; length < 8; length++) {
    const bytes = Buffer.alloc(length, 0xfb)
    for (const text of [bytes.toString('base64'), bytes.toString('base64url')]) {
      assert.deepEqual(await contentOf(text), bytes)
      assert.deepEqual(await contentOf(text.replace(/=+$/, '')), bytes)
    }
  }
  assert.deepEqual(await contentOf('-_-_-w=='), Buffer.from('fbffbffb', 'hex'))
})

test('refuses a mix of the alphabets, however far apart', async () => {
  for (const text of ['+_AA', '-/AA', 'AAAA+AAA-AAA', '_AAAAAAA/AAA', '+AAAAAAAA_', '-AAAAAAAA/8='])
    await refuses(text)
  const far = `+${'A'.repeat(99_999)}`
  await assert.rejects(readWhole(`{"content":"${far}-AAA"}`), notBase64)
})

test('refuses blanks and other foreign characters', async () => {
  for (const each of [
    ' ',
    '\t',
    '\n',
    '\r',
    '\f',
    '\0',
    '.',
    ',',
    '!',
    '%3D',
    '\x80',
    '\xff',
    'é',
    '*',
    '@',
    '[',
  ]) {
    for (const text of [`${each}QUJD`, `QU${each}JD`, `QUJD${each}`, `QUJ${each}`, each]) await refuses(text)
  }
})

test('refuses padding that does not fit, and data after it', async () => {
  for (const text of [
    ...['=', '==', '===', '====', 'A=', 'A==', 'A===', 'QQ=', 'QQ===', 'QQ====', 'QUI==', 'QUI===', 'QUJD='],
    ...['QUJD==', 'QUJD====', 'QQ==QUJD', 'QQ==QQ==', 'QQ=Q', 'Q=Q=', 'QUI=QUI=', 'QQ= =', 'QQ==\\n', '=QUJ'],
  ]) {
    await refuses(text)
  }
})

test('refuses a last character alone, and unused bits that are not zero', async () => {
  for (const text of ['A', 'QUJDQ', 'QR', 'QR==', 'QUJ', 'QUJ=', 'QUJDQ_', '_x', '-_9', '//', '//=='])
    await refuses(text)
  assert.deepEqual(await contentOf('QUI'), Buffer.from('AB'))
})

test('takes escapes that stand for base64', async () => {
  assert.deepEqual(await contentOf('\\/\\/\\/\\/'), Buffer.from('////', 'base64'))
  assert.deepEqual(await contentOf('\\u0051\\u0055\\u004a\\u004A'), Buffer.from('QUJJ', 'base64'))
  assert.deepEqual(await contentOf('\\u002f\\u002F+\\/\\u002b/A\\u003d'), Buffer.from('//+/+/A=', 'base64'))
})

test('refuses other escapes, broken ones and what they hide', async () => {
  for (const each of [
    ...[
      '\\n',
      '\\r',
      '\\t',
      '\\b',
      '\\f',
      '\\\\',
      '\\\\/',
      '\\\\u0041',
      '\\"',
      '\\',
      '\\x',
      '\\U0041',
      '\\u',
    ],
    ...['\\u0', '\\u004', '\\u004g', '\\u00e9', '\\u0141', '\\uff0b', '\\ud83d\\ude00', '\\u000a', '\\u0020'],
    ...['\\u0022', '\\u005c', '\\u005c/', '\\u005cu0041', '\\u0000', '\\u 041', '\\u+041', '\\u00 41'],
  ]) {
    for (const text of [each, `QUJD${each}`, `QU${each}JD`, `QUJ${each}`]) await refuses(text)
  }
})

test('refuses more bytes than the limit as soon as they have come', async () => {
  const limits = { maxContentBytes: 6 }
  for (const text of ['QUJDQUJD', 'QUJDQUI=', 'QUJDQQ', '\\u0051UJDQUJD']) {
    assert.ok(await readWhole(`{"content":"${text}"}`, [], limits))
  }
  for (const text of ['QUJDQUJDQQ==', 'QUJDQUJDQQ', 'QUJDQUJDQUJD', `QUJDQUJDQUJDQUJD and no more`]) {
    const refused = readWhole(`{"content":"${text}`.concat('"}'), [25], limits)
    await assert.rejects(refused, { code: 'bytes-too-many', field: 'content' }, text)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRelated, relatedBoundary } from './related.ts'

const BODY = [
  '--b',
  'Content-Type: application/json; charset=UTF-8',
  '',
  '{"file":{}}',
  '--b',
  'content-type:image/png',
  'X-Other: 1',
  '',
  '\r\n-- bytes\r\n',
  '--b--',
  '',
].join('\r\n')

async function* inPieces(text: string, pieceBytes: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}

async function partsOf(text: string, { pieceBytes = 1000, bodyBytes = 10_000 } = {}) {
  const parts: (readonly [type: string | undefined, content: string])[] = []
  for await (const { contentType, body } of parseRelated('b', inPieces(text, pieceBytes), bodyBytes)) {
    const pieces: Buffer[] = []
    for await (const piece of body) pieces.push(Buffer.from(piece))
    parts.push([contentType, Buffer.concat(pieces).toString('latin1')])
  }
  return parts
}

test('parts come in their order, with their types, however the body is cut', async () => {
  for (const pieceBytes of [1, 2, 3, 7, 50, 1000])
    assert.deepEqual(await partsOf(BODY, { pieceBytes }), [
      ['application/json; charset=UTF-8', '{"file":{}}'],
      ['image/png', '\r\n-- bytes\r\n'],
    ])
})

test('a part may be empty and have no header', async () => {
  assert.deepEqual(await partsOf('--b\r\n\r\n\r\n--b--'), [[undefined, '']])
})

test('a part that is not read is skipped', async () => {
  const types: (string | undefined)[] = []
  for await (const { contentType } of parseRelated('b', inPieces(BODY, 5), 10_000)) types.push(contentType)
  assert.deepEqual(types, ['application/json; charset=UTF-8', 'image/png'])
})

test('a body that ends early, is too large or has coded parts is refused', async () => {
  const malformed = { code: 'request-malformed' }
  await assert.rejects(partsOf(BODY.slice(0, -6)), malformed)
  await assert.rejects(partsOf(BODY.replace('X-Other: 1', 'no header')), malformed)
  await assert.rejects(partsOf(BODY.replace('X-Other: 1', 'Content-Transfer-Encoding: base64')), malformed)
  await assert.rejects(partsOf(BODY, { bodyBytes: 100 }), { code: 'body-too-large' })
})

test('the boundary stands in the type, with quotes or without', () => {
  assert.equal(relatedBoundary('multipart/related; boundary=b'), 'b')
  assert.equal(relatedBoundary('Multipart/Related; type="application/json"; boundary="a b"'), 'a b')
  assert.throws(() => relatedBoundary('multipart/related'), { code: 'request-malformed' })
  for (const type of [undefined, 'multipart/form-data; boundary=b'])
    assert.throws(() => relatedBoundary(type), { code: 'body-type-unsupported' })
})

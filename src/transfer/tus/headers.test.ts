import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { announcedLength, checksumIn, lengthIn, methodOf, offsetIn, requireBytesType } from './headers.ts'

test('a number of bytes is digits alone, up to 2^53 - 1', () => {
  for (const good of ['0', '5', '007', '9007199254740991'])
    assert.equal(offsetIn({ 'upload-offset': good }), Number(good))
  for (const bad of [
    '',
    '-1',
    '+1',
    '1.5',
    '1e3',
    ' 5',
    '0x5',
    '5, 5',
    '9007199254740992',
    '99999999999999999',
  ])
    for (const read of [() => offsetIn({ 'upload-offset': bad }), () => lengthIn({ 'upload-length': bad })])
      assert.throws(read, { code: 'field-invalid' }, bad)
  assert.throws(() => offsetIn({}), { code: 'field-missing' })
})

test('an upload announces its length, or that it will', () => {
  assert.equal(announcedLength({ 'upload-length': '0' }), 0)
  assert.equal(announcedLength({ 'upload-defer-length': '1' }), undefined)
  assert.throws(() => announcedLength({}), { code: 'field-missing' })
  assert.throws(() => announcedLength({ 'upload-defer-length': '0' }), { code: 'field-invalid' })
  const both = { 'upload-defer-length': '1', 'upload-length': '5' }
  assert.throws(() => announcedLength(both), { code: 'field-invalid' })
})

test('a checksum is the name of its algorithm and Base64', () => {
  for (const algorithm of ['sha1', 'sha256', 'md5'] as const) {
    const digest = createHash(algorithm).update('hello').digest()
    const stated = checksumIn({ 'upload-checksum': `${algorithm} ${digest.toString('base64')}` })
    assert.deepEqual(stated, { field: 'Upload-Checksum', algorithm, hex: digest.toString('hex') })
  }
  assert.equal(checksumIn({}), undefined)
  for (const bad of ['', 'sha1', 'sha1 YQ==', 'crc32 YQ==', 'SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=', 'sha1 *q5s'])
    assert.throws(() => checksumIn({ 'upload-checksum': bad }), { code: 'field-invalid' }, bad)
})

test('bytes have one type', () => {
  requireBytesType({ 'content-type': 'application/offset+octet-stream' })
  for (const headers of [{}, { 'content-type': 'application/octet-stream' }])
    assert.throws(() => requireBytesType(headers), { code: 'body-type-unsupported' })
})

test('a method that cannot be sent is named in a header', () => {
  assert.equal(methodOf('POST', { 'x-http-method-override': 'patch' }), 'PATCH')
  assert.equal(methodOf('POST', {}), 'POST')
})

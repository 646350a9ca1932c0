import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { ServiceError } from '../../core/errors.ts'
import {
  CreateFileRequestSchema,
  FileSchema,
  ListFilesRequestSchema,
  ListFilesResponseSchema,
} from './gen/files_pb.js'
import { printJson, readJson, readQuery, readUpdateJson } from './json.ts'

const camel = { restFieldNames: 'camel' } as const
const snake = { restFieldNames: 'snake' } as const

function refusalOf(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    assert.ok(error instanceof ServiceError)
    return error.message
  }
  return assert.fail('nothing was refused')
}

const readCreate = (body: unknown) => readJson(CreateFileRequestSchema, body)

test('keys come in either spelling, numbers also as text, null as absence', () => {
  for (const expirationConfig of [
    { expirationPolicy: 'STATIC', ttlDays: 7 },
    { expiration_policy: 1, ttl_days: '7' },
    { expirationPolicy: 'STATIC', ttl_days: '7' },
  ]) {
    const read = readCreate({ folder_id: 'f', mimeType: 'a/b', labels: null, expirationConfig })
    assert.deepEqual([read.folderId, read.mimeType, read.labels], ['f', 'a/b', {}])
    assert.deepEqual([read.expirationConfig?.expirationPolicy, read.expirationConfig?.ttlDays], [1, 7n])
  }
})

test('what does not fit is refused by name', () => {
  const cases: [unknown, RegExp][] = [
    [[], /must be a JSON object/],
    [null, /must be a JSON object/],
    [{ foo: 1 }, /^foo: unknown field$/],
    [{ folderId: 3 }, /^folder_id: expected string, got 3$/],
    [{ folderId: 'a', folder_id: 'b' }, /^folder_id: set multiple times$/],
    [{ labels: { a: 1 } }, /^labels: /],
    [{ labels: [] }, /^labels: /],
    [{ name: '\ud800' }, /^name: /],
    [{ expirationConfig: { ttlDays: 'x' } }, /^expiration_config\.ttl_days: /],
    [{ expirationConfig: { ttlDays: Number.POSITIVE_INFINITY } }, /^expiration_config\.ttl_days: /],
    [{ expirationConfig: { expirationPolicy: 'X' } }, /^expiration_config\.expiration_policy: .*X/],
    [{ expirationConfig: { bar: 1 } }, /^bar: unknown field$/],
    [{ expirationConfig: 'x' }, /^expiration_config: must be an object$/],
  ]
  for (const [body, reason] of cases)
    assert.match(
      refusalOf(() => readCreate(body)),
      reason,
    )
  assert.ok(refusalOf(() => readCreate({ ['x'.repeat(1_000_000)]: 1 })).length < 200)
})

test('the mask of an update is text, with paths in either spelling', () => {
  for (const body of [
    { updateMask: 'name,expirationConfig.ttlDays', fileId: 'other' },
    { update_mask: 'name, expirationConfig.ttlDays,' },
  ]) {
    const { fileId, updateMask } = readUpdateJson('fvt1', body)
    assert.equal(fileId, 'fvt1')
    assert.deepEqual(
      updateMask?.paths.map((path) => path.trim()),
      ['name', 'expirationConfig.ttlDays'],
    )
  }
  assert.deepEqual(readUpdateJson('fvt1', { updateMask: 'mime_type' }).updateMask?.paths, ['mime_type'])
  assert.deepEqual(readUpdateJson('fvt1', {}).updateMask?.paths, [])
  assert.match(
    refusalOf(() => readUpdateJson('f', { updateMask: ['name'] })),
    /^update_mask: /,
  )
  assert.match(
    refusalOf(() => readUpdateJson('f', { updateMask: 'name', update_mask: 'name' })),
    /set twice/,
  )
  for (const body of [[], null, 'text'])
    assert.match(
      refusalOf(() => readUpdateJson('f', body)),
      /must be a JSON object/,
    )
})

test('a query has its parameters in either spelling, and others do no harm', () => {
  const read = readQuery(ListFilesRequestSchema, { folderId: 'f', page_size: '3', pageToken: '', x: 'y' })
  assert.deepEqual([read.folderId, read.pageSize, read.pageToken], ['f', 3n, ''])
  const list = (query: Record<string, unknown>) => () => readQuery(ListFilesRequestSchema, query)
  assert.match(refusalOf(list({ pageSize: 'many' })), /^page_size: /)
  assert.match(refusalOf(list({ folderId: ['a', 'b'] })), /^folder_id: /)
  assert.match(refusalOf(list({ folderId: 'a', folder_id: 'b' })), /^folder_id: set multiple times/)
  assert.match(refusalOf(list({ 'pageSize[]': '1' })), /^page_size: must be one text/)
  assert.match(refusalOf(list({ 'folder_id[$ne]': '1' })), /^folder_id: must be one text/)
})

test('answers have all their fields, named as the operator wants', () => {
  assert.deepEqual(printJson(ListFilesResponseSchema, create(ListFilesResponseSchema), camel), {
    files: [],
    nextPageToken: '',
  })
  const file = create(FileSchema, {
    id: 'fvt1',
    mimeType: 'text/plain',
    createdAt: timestampFromMs(Date.parse('2025-08-27T08:25:45.544Z')),
    expirationConfig: { expirationPolicy: 1, ttlDays: 7n },
  })
  assert.deepEqual(printJson(FileSchema, file, camel), {
    id: 'fvt1',
    folderId: '',
    name: '',
    description: '',
    mimeType: 'text/plain',
    createdBy: '',
    createdAt: '2025-08-27T08:25:45.544Z',
    updatedBy: '',
    updatedAt: null,
    expirationConfig: { expirationPolicy: 'STATIC', ttlDays: '7' },
    expiresAt: null,
    labels: {},
  })
  const printed = printJson(FileSchema, file, snake) as Record<string, unknown>
  assert.equal(printed.mime_type, 'text/plain')
  assert.deepEqual(printed.expiration_config, { expiration_policy: 'STATIC', ttl_days: '7' })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toJson } from '@bufbuild/protobuf'
import { readSettings } from '../../config/setting.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { DAY_MS, HOUR_MS } from '../../core/ports/clock.ts'
import { ExpirationConfig_ExpirationPolicy as Policy } from './gen/expiration_pb.js'
import {
  CreateFileRequestSchema,
  FileSchema,
  ListFilesRequestSchema,
  UpdateFileRequestSchema,
} from './gen/files_pb.js'
import { fileIds as yandexIds } from './ids.ts'
import { readCreateRequest, readUpdateRequest, toFile } from './messages.ts'
import { parsePageToken, printPageToken, readListRequest } from './paging.ts'
import { settings as declared } from './settings.ts'
import { InvalidArgument } from './violations.ts'

const CREATED = Date.parse('2025-11-02T09:15:04.120Z')
const ID = '019a4392-6818-7abc-8def-0123456789ab'

const record: FileRecord = {
  id: ID,
  organizationId: 'org',
  projectId: 'b1gexamplefolder0001',
  name: 'report.pdf',
  sizeBytes: 3,
  mimeType: 'application/pdf',
  purpose: null,
  description: '',
  labels: { team: 'a' },
  externalId: null,
  createdBy: 'ajeexamplesubject001',
  updatedBy: 'ajeexamplesubject001',
  createdAt: CREATED,
  updatedAt: CREATED,
  state: 'stored',
  alias: null,
  visibility: 'project',
  layout: 'blob',
  segmentCount: 0,
  joinDue: false,
  storedAt: CREATED,
  uploadExpiresAt: null,
  writeOnce: false,
  uploadMaxBytes: null,
  expectedSha256: null,
  expiryPolicy: 'since-last-active',
  ttlDays: 7,
  lastActiveAt: CREATED,
  expiresAt: CREATED + 7 * DAY_MS,
  blobKey: 'k',
  blobSizeBytes: 3,
  sha256: 's',
  md5: null,
  lineCount: null,
  placedParts: null,
  origin: null,
}

/** The violations that reading something throws, as `field: description`. */
function refusalOf(read: () => unknown): string[] {
  try {
    read()
  } catch (error) {
    assert.ok(error instanceof InvalidArgument)
    return error.violations.map(({ field, description }) => `${field}: ${description}`)
  }
  return []
}

const defaultSettings = readSettings(declared, {}, [])

function readCreate(request: Parameters<typeof create<typeof CreateFileRequestSchema>>[1]) {
  const whole = { folderId: 'f', ...(request as object) }
  return readCreateRequest(create(CreateFileRequestSchema, whole), defaultSettings)
}

function readUpdate(paths: string[] | undefined, request: object = {}) {
  const mask = paths === undefined ? {} : { updateMask: { paths } }
  const whole = { fileId: 'x', ...mask, ...request }
  return readUpdateRequest(create(UpdateFileRequestSchema, whole), defaultSettings).change
}

test('a file is printed as the vendor prints it', () => {
  assert.deepEqual(toJson(FileSchema, toFile(record)), {
    id: yandexIds.print(ID),
    folderId: 'b1gexamplefolder0001',
    name: 'report.pdf',
    mimeType: 'application/pdf',
    createdBy: 'ajeexamplesubject001',
    createdAt: '2025-11-02T09:15:04.120Z',
    updatedBy: 'ajeexamplesubject001',
    updatedAt: '2025-11-02T09:15:04.120Z',
    expirationConfig: { expirationPolicy: 'SINCE_LAST_ACTIVE', ttlDays: '7' },
    expiresAt: '2025-11-09T09:15:04.120Z',
    labels: { team: 'a' },
  })
})

test('a name, description and labels that were never given stay unset', () => {
  const { name, description, labels } = toFile({ ...record, name: '', labels: {} })
  assert.deepEqual({ name, description, labels }, { name: '', description: '', labels: {} })
})

test('every expiry has one of the two policies of the vendor, and tells its instant exactly', () => {
  const cases = [
    [{ expiryPolicy: 'never', ttlDays: 0, expiresAt: null }, Policy.STATIC, 0n],
    [{ expiryPolicy: 'at', ttlDays: 0, expiresAt: CREATED + 48 * HOUR_MS }, Policy.STATIC, 2n],
    [{ expiryPolicy: 'at', ttlDays: 0, expiresAt: CREATED + 48 * HOUR_MS + 1 }, Policy.STATIC, 3n],
    [{ expiryPolicy: 'at', ttlDays: 0, expiresAt: CREATED }, Policy.STATIC, 1n],
    [{ expiryPolicy: 'since-created', ttlDays: 5, expiresAt: CREATED + 5 * DAY_MS }, Policy.STATIC, 5n],
    [{ ttlDays: 9, expiresAt: CREATED + 10 * DAY_MS }, Policy.SINCE_LAST_ACTIVE, 9n],
  ] as const
  for (const [expiry, policy, days] of cases) {
    const file = toFile({ ...record, ...expiry })
    assert.equal(file.expirationConfig?.expirationPolicy, policy)
    assert.equal(file.expirationConfig?.ttlDays, days)
    const { expiresAt } = file
    const ms = expiresAt && Number(expiresAt.seconds) * 1000 + expiresAt.nanos / 1e6
    assert.equal(ms ?? null, expiry.expiresAt)
  }
})

test('the expiration of a new file is filled in where it is silent', () => {
  const sliding = { policy: 'since-last-active', ttlDays: 7 }
  const { STATIC, SINCE_LAST_ACTIVE, EXPIRATION_POLICY_UNSPECIFIED } = Policy
  assert.deepEqual(readCreate({}).expiry, sliding)
  const cases = [
    [{}, sliding],
    [{ expirationPolicy: EXPIRATION_POLICY_UNSPECIFIED, ttlDays: 0n }, sliding],
    [{ expirationPolicy: SINCE_LAST_ACTIVE }, sliding],
    [{ expirationPolicy: STATIC }, { policy: 'since-created', ttlDays: 7 }],
    [{ ttlDays: 3n }, { policy: 'since-last-active', ttlDays: 3 }],
    [
      { expirationPolicy: STATIC, ttlDays: 365n },
      { policy: 'since-created', ttlDays: 365 },
    ],
  ] as const
  for (const [expirationConfig, expiry] of cases) {
    assert.deepEqual(readCreate({ expirationConfig }).expiry, expiry)
  }
})

test('an operator may let files live for ever where nothing else is asked', () => {
  const settings = { ...defaultSettings, defaultPolicy: 'never' } as const
  const read = (expirationConfig?: object) =>
    readCreateRequest(
      create(CreateFileRequestSchema, { folderId: 'f', ...(expirationConfig && { expirationConfig }) }),
      settings,
    ).expiry
  assert.deepEqual(read(), { policy: 'never' })
  assert.deepEqual(read({}), { policy: 'never' })
  assert.deepEqual(read({ ttlDays: 3n }), { policy: 'since-last-active', ttlDays: 3 })
})

test('days out of bounds and unknown policies are refused by name', () => {
  for (const ttlDays of [-1n, 366n, 2n ** 62n]) {
    assert.deepEqual(
      refusalOf(() => readCreate({ expirationConfig: { ttlDays } })),
      ['expiration_config.ttl_days: must be from 1 to 365'],
    )
  }
  assert.deepEqual(
    refusalOf(() => readCreate({ expirationConfig: { expirationPolicy: 7 as Policy } })),
    ['expiration_config.expiration_policy: there is no policy 7'],
  )
})

test('all that is wrong with a request is told at once', () => {
  const labels = { '': 'x', 'a\u0000': 'y', b: 'z'.repeat(4097) }
  assert.deepEqual(
    refusalOf(() =>
      readCreate({ folderId: '', name: 'a\nb', description: 'x'.repeat(4097), mimeType: 'pdf', labels }),
    ),
    [
      'folder_id: field is required',
      'name: contains control characters',
      'description: has 4097 bytes, the maximum is 4096',
      'mime_type: "pdf" is not of the form type/subtype',
      'labels: a key is empty',
      'labels: a key contains control characters',
      'labels.b: has 4097 bytes, the maximum is 4096',
    ],
  )
})

test('names, descriptions and labels are kept as sent, in any script', () => {
  const given = { name: 'Отчёт № 1.pdf', description: 'две\nстроки', labels: { 'ключ.а': '\u{1f4c4}' } }
  const { name, description, labels } = readCreate(given)
  assert.deepEqual({ name, description, labels }, given)
  assert.deepEqual(
    refusalOf(() => readCreate({ name: 'ж'.repeat(513) })),
    ['name: has 1026 bytes, the maximum is 1024'],
  )
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, '']))
  assert.deepEqual(
    refusalOf(() => readCreate({ labels: many })),
    ['labels: there are 65 labels, the maximum is 64'],
  )
})

test('any well-formed MIME type is taken, and no other', () => {
  for (const mimeType of ['text/markdown', 'application/vnd.ms-excel.sheet.2', 'text/plain; charset=utf-8'])
    assert.equal(readCreate({ mimeType }).mimeType, mimeType)
  assert.equal(readCreate({}).mimeType, undefined)
  for (const mimeType of ['text', 'text/', '/plain', 'a/b\r\nc: d', 'a b/c', `a/${'b'.repeat(254)}`, 'т/т'])
    assert.equal(refusalOf(() => readCreate({ mimeType })).length, 1, mimeType)
})

test('an update changes what its mask names, in either spelling, and nothing else', () => {
  const values = { name: 'n', description: 'd', labels: { a: 'b' }, expirationConfig: { ttlDays: 3n } }
  assert.deepEqual(readUpdate(['name'], values), { name: 'n' })
  assert.deepEqual(readUpdate(['description', 'labels'], values), { description: 'd', labels: { a: 'b' } })
  for (const path of ['expiration_config.ttl_days', 'expirationConfig.ttlDays'])
    assert.deepEqual(readUpdate([path], values), { expiry: { ttlDays: 3, defaultTtlDays: 7 } })
  for (const path of ['expiration_config.expiration_policy', 'expirationConfig.expirationPolicy'])
    assert.deepEqual(readUpdate([path], { expirationConfig: { expirationPolicy: Policy.STATIC } }), {
      expiry: { policy: 'since-created', defaultTtlDays: 7 },
    })
})

test('what the mask names and the request does not give is reset', () => {
  assert.deepEqual(readUpdate(['name', 'description', 'labels']), { name: '', description: '', labels: {} })
  const reset = { policy: 'since-last-active', ttlDays: 7, defaultTtlDays: 7 }
  assert.deepEqual(readUpdate(['expiration_config']), { expiry: reset })
  assert.deepEqual(readUpdate(['expiration_config.ttl_days']), { expiry: { ttlDays: 7, defaultTtlDays: 7 } })
})

test('values outside the mask are not even judged', () => {
  assert.deepEqual(readUpdate(['name'], { name: 'n', description: 'x\u0000' }), { name: 'n' })
})

test('a mask that is missing or names what cannot change is refused', () => {
  for (const paths of [undefined, []])
    assert.deepEqual(
      refusalOf(() => readUpdate(paths)),
      ['update_mask: field is required'],
    )
  for (const path of ['mime_type', 'mimeType', 'id', 'content', 'expires_at', 'labels.a', '', '*'])
    assert.deepEqual(
      refusalOf(() => readUpdate([path])),
      [`update_mask: unknown path ${path}`],
    )
})

test('a page token is the time and id of a file, as the vendor writes it', () => {
  const token = printPageToken(record)
  assert.equal(Buffer.from(token, 'base64').toString(), `2025-11-02T09:15:04.120000@${yandexIds.print(ID)}`)
  assert.deepEqual(parsePageToken(token), { createdAt: CREATED, name: '', id: ID })
  assert.deepEqual(parsePageToken(token.replaceAll('=', '')), { createdAt: CREATED, name: '', id: ID })
})

test('anything else is no page token', () => {
  const texts = ['', '@', '2025-11-02T09:15:04@', '2025-13-02T09:15:04.1@fvt0', `x@${yandexIds.print(ID)}`]
  const tokens = [
    '!',
    'a',
    'fvt',
    'x'.repeat(5000),
    ...texts.map((text) => Buffer.from(text).toString('base64')),
  ]
  for (const pageToken of tokens) {
    const request = create(ListFilesRequestSchema, { folderId: 'f', pageToken })
    if (pageToken === '') continue
    assert.deepEqual(
      refusalOf(() => readListRequest(request)),
      ['page_token: malformed'],
      pageToken,
    )
  }
})

test('page sizes: a hundred by default, a thousand at most, none below zero', () => {
  const limitOf = (pageSize: bigint) =>
    readListRequest(create(ListFilesRequestSchema, { folderId: 'f', pageSize })).limit
  assert.deepEqual([0n, 1n, 1000n, 1001n, 2n ** 62n].map(limitOf), [100, 1, 1000, 1000, 1000])
  assert.deepEqual(
    refusalOf(() => limitOf(-1n)),
    ['page_size: must not be negative'],
  )
})

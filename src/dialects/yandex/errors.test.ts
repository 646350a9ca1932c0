import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { type ErrorCode, errorKinds, ServiceError, StoreError } from '../../core/errors.ts'
import {
  BadRequestSchema,
  RequestInfoSchema,
  RetryInfoSchema,
  StatusSchema,
} from '../../grpc/gen/status_pb.js'
import { type GrpcCode, grpcCodes } from '../../grpc/status.ts'
import { httpStatuses, toErrorAnswer, toGrpcFailure } from './errors.ts'
import { InvalidArgument } from './violations.ts'

const ID = '6a0c'
const errorCodes = Object.keys(errorKinds) as ErrorCode[]
const info = { '@type': 'type.googleapis.com/google.rpc.RequestInfo', requestId: ID }

test('every error has a code, a status and a body of the vendor', () => {
  for (const code of errorCodes) {
    const { status, body } = toErrorAnswer(new ServiceError(code, 'Text'), ID)
    const answered = body as { code: GrpcCode; message: string; details: unknown[] }
    const ofHttpAlone = new Map<string, number>([
      ['expectation-unsupported', 417],
      ['method-not-allowed', 405],
    ])
    assert.equal(status, ofHttpAlone.get(code) ?? httpStatuses[answered.code])
    assert.ok(status >= 400 && status < 600)
    assert.deepEqual(answered.details, [info])
    assert.equal(typeof answered.message, 'string')
    const failure = toGrpcFailure(new ServiceError(code, 'Text'), ID)
    assert.equal(failure.code, answered.code)
    assert.equal(failure.message, answered.message)
  }
})

test('what clients repeat by themselves is only what may pass by itself', () => {
  const repeatedByClients: number[] = [grpcCodes.RESOURCE_EXHAUSTED, grpcCodes.UNAVAILABLE]
  const repeated = errorCodes.filter((code) =>
    repeatedByClients.includes(toGrpcFailure(new ServiceError(code, 'Text'), ID).code),
  )
  assert.deepEqual(repeated, [
    'rate-limited',
    'quota-exceeded',
    'upload-fragmented',
    'server-stopping',
    'storage-unavailable',
    'storage-timeout',
  ])
})

test('the answers of the published examples', () => {
  assert.deepEqual(toErrorAnswer(new ServiceError('unauthenticated', 'The token is invalid'), ID), {
    status: 401,
    headers: { 'www-authenticate': 'Bearer' },
    body: { code: 16, message: 'The token is invalid', details: [info] },
  })
  const violations = [{ field: 'folder_id', description: 'field is required' }]
  assert.deepEqual(toErrorAnswer(new InvalidArgument(violations), ID), {
    status: 400,
    headers: {},
    body: {
      code: 3,
      message: 'folder_id: field is required',
      details: [info, { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: violations }],
    },
  })
  const limited = new ServiceError('rate-limited', 'Slow down', { retryAfterSeconds: 3 })
  assert.deepEqual(toErrorAnswer(limited, ID), {
    status: 429,
    headers: { 'retry-after': '3' },
    body: {
      code: 8,
      message: 'Slow down',
      details: [info, { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '3s' }],
    },
  })
  const { details = new Uint8Array() } = toGrpcFailure(limited, ID)
  const [, retry] = fromBinary(StatusSchema, details).details
  assert.equal(retry && anyUnpack(retry, RetryInfoSchema)?.retryDelay?.seconds, 3n)
})

test('a gRPC failure carries a google.rpc.Status', () => {
  const violations = [{ field: 'name', description: 'contains control characters' }]
  const { code, message, details = new Uint8Array() } = toGrpcFailure(new InvalidArgument(violations), ID)
  const status = fromBinary(StatusSchema, details)
  assert.deepEqual([status.code, status.message], [code, message])
  const [request, bad] = status.details
  assert.equal(request && anyUnpack(request, RequestInfoSchema)?.requestId, ID)
  const told = bad && anyUnpack(bad, BadRequestSchema)
  assert.deepEqual(
    told?.fieldViolations.map(({ field, description }) => ({ field, description })),
    violations,
  )
})

test('a fault of ours says nothing about itself, and keeps its cause for the log', () => {
  const cause = new Error('/secret/path')
  for (const thrown of [cause, new StoreError('refused', 'no such table', cause), 'text', undefined]) {
    const { code, message, fault } = toGrpcFailure(thrown, ID)
    assert.deepEqual([code, message], [grpcCodes.INTERNAL, 'Internal error'])
    assert.ok(fault instanceof Error || thrown === undefined || thrown === 'text')
  }
  assert.equal(toGrpcFailure(new ServiceError('file-not-found', 'No'), ID).fault, undefined)
})

test('trailers stay small, whatever a caller sent', () => {
  const violations = Array.from({ length: 100 }, () => ({
    field: 'ж'.repeat(64),
    description: 'ж'.repeat(64),
  }))
  const { message, details = new Uint8Array() } = toGrpcFailure(new InvalidArgument(violations), ID)
  const bytes = encodeURI(message).length + details.byteLength * 1.4
  assert.ok(bytes < 7_500, `${bytes}`)
})

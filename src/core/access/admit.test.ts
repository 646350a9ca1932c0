import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Caller } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import { RateLimiter } from '../limits/rate-limit.ts'
import type { Services } from '../services.ts'
import { type Access, admit } from './admit.ts'

const reader = { organizationId: 'o', scopes: ['files:read'], role: 'member' } as unknown as Caller
const admins: Access = { scope: 'files:read', limit: 'read', role: 'admin' }

function servicesWith(limit: number): Services {
  const clock = { now: () => 0, machineNow: () => 0 }
  return {
    rates: new RateLimiter({ read: limit, write: limit, search: limit }, clock),
  } as unknown as Services
}

test('a role that an operation asks for is checked last', async () => {
  const services = servicesWith(2)
  const creates = { ...admins, scope: 'files:create' } as const
  await assert.rejects(admit(services, reader, creates), { code: 'scope-missing' })
  await assert.rejects(admit(services, reader, admins), { code: 'role-missing' })
  await assert.rejects(admit(services, reader, admins), { code: 'rate-limited', retryAfterSeconds: 1 })
  await admit(servicesWith(1), { ...reader, role: 'admin' }, admins)
})

test('who fails the check in front is not counted, and told how the bucket stands', async () => {
  const services = servicesWith(1)
  const remaining: number[] = []
  const onAllowance = (allowance: { remaining: number }) => void remaining.push(allowance.remaining)
  const check = () => {
    throw new ServiceError('version-invalid', 'No.')
  }
  const reads = { scope: 'files:read', limit: 'read' } as const
  await assert.rejects(admit(services, reader, reads, { check, onAllowance }), { code: 'version-invalid' })
  await admit(services, reader, reads, { onAllowance })
  assert.deepEqual(remaining, [1, 0])
})

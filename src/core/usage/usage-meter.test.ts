import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOUR_MS } from '../ports/clock.ts'
import { UsageMeter } from './usage-meter.ts'

const HOUR = 1000 * HOUR_MS
const request = { organizationId: 'organization', projectId: undefined, bytesIn: 1, bytesOut: 2 }

test('a clock that is set back counts for the hour that it says', () => {
  let now = HOUR + 1
  const meter = new UsageMeter({ now: () => now })
  meter.request(request)
  now -= HOUR_MS
  meter.request(request)
  now += HOUR_MS
  meter.request(request)
  assert.deepEqual(
    meter.take().map(({ hour, requests }) => [hour, requests]),
    [
      [HOUR, 1],
      [HOUR - HOUR_MS, 1],
      [HOUR, 1],
    ],
  )
  assert.deepEqual(meter.take(), [])
})

test('beyond ten thousand projects requests count for the organization alone', () => {
  const meter = new UsageMeter({ now: () => HOUR })
  for (let project = 0; project < 10_010; project++)
    meter.request({ ...request, projectId: `project-${project}` })
  const hours = meter.take()
  assert.equal(hours.length, 10_000)
  assert.equal(hours.find(({ projectId }) => projectId === '')?.requests, 10_010)
})

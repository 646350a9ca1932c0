import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { otlpSender } from './otlp-sender.ts'
import { RetriableFailure } from './span-queue.ts'

test('what a collector answers says whether and when to send again', async (t) => {
  const answers: [number, Record<string, string>][] = [
    [429, { 'retry-after': '8' }],
    [503, { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }],
    [502, {}],
    [500, { 'retry-after': '8' }],
    [400, {}],
  ]
  const server = createServer((_request, response) => {
    const [status, headers] = answers[told.length] ?? [200, {}]
    response.writeHead(status, headers).end()
  })
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const send = otlpSender({ url: `http://127.0.0.1:${port}/v1/traces`, headers: {} }, {}, '1')
  const told: (number | string)[] = []
  for (const _ of answers)
    await send([], AbortSignal.timeout(5000)).catch((error: Error) =>
      told.push(error instanceof RetriableFailure ? error.afterMs : error.message),
    )
  assert.deepEqual(told, [8000, 0, 0, 'status 500', 'status 400'])
})

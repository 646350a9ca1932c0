import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type FinishedRequest, RequestTail } from '../../core/watch/request-tail.ts'
import { TailEvents } from './tail.ts'

const finished: FinishedRequest = {
  at: 1_790_000_000_000,
  requestId: 'b51710b8-86d1-412f-a35b-f7be6a0a5b78',
  method: 'GET',
  route: '/v1/files/:id',
  dialect: 'openai',
  status: 200,
  code: null,
  isComplete: true,
  durationMs: 2,
  bytesIn: 0,
  bytesOut: 142,
  fileId: null,
  keyId: null,
  organizationId: 'organization',
}

test('a watcher that does not read costs little memory, and learns how many requests it missed', async () => {
  const tail = new RequestTail({ maxWatchers: 1, maxOfOrganization: 1, maxWaiting: 10 })
  const watcher = { by: 'organization', of: undefined, mayWatch: async () => true }
  const events = new TailEvents(tail, watcher, new AbortController().signal)
  for (let told = 0; told < 1000; told++) {
    tail.tell(finished)
    await turn()
  }
  assert.ok(events.readableLength < 2 * events.readableHighWaterMark, `${events.readableLength} bytes wait`)
  let text = ''
  events.on('data', (piece: Buffer) => {
    text += piece
  })
  for (let turns = 0; turns < 100; turns++) await turn()
  events.destroy()
  const told = text.split('event: request').length - 1
  const [, dropped] = /event: dropped\ndata: \{"count":(\d+)\}/.exec(text) ?? []
  assert.equal(told + Number(dropped), 1000)
  assert.equal(tail.isWatched, false)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from './span.ts'
import { isSampled, readTraceContext } from './trace-context.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

function read(traceparent: string | undefined, tracestate?: string) {
  return readTraceContext((name) => (name === 'traceparent' ? traceparent : tracestate))
}

test('a caller’s trace is read as the standard has it', () => {
  const known = { traceId: TRACE, spanId: SPAN, traceState: '' }
  assert.deepEqual(read(`00-${TRACE}-${SPAN}-01`), { ...known, isSampled: true })
  assert.deepEqual(read(`00-${TRACE}-${SPAN}-00`), { ...known, isSampled: false })
  assert.deepEqual(read(`00-${TRACE}-${SPAN}-03`, 'a=1,b=2'), {
    ...known,
    isSampled: true,
    traceState: 'a=1,b=2',
  })
  // Versions to come may add something.
  assert.deepEqual(read(`cc-${TRACE}-${SPAN}-01-what`), { ...known, isSampled: true })
})

test('what is not as the standard has it is no trace', () => {
  const wrong = [
    undefined,
    '',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-what`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  ]
  for (const traceparent of wrong) assert.equal(read(traceparent), undefined, `${traceparent}`)
})

test('a state that is too long, or no text, is not handed on', () => {
  for (const state of ['a='.padEnd(513, 'x'), 'a=\n', 'a=ü'])
    assert.equal(read(`00-${TRACE}-${SPAN}-01`, state)?.traceState, '')
})

test('a ratio takes that part of the traces, and the same ones everywhere', () => {
  const ids = Array.from({ length: 4000 }, () => newId(16))
  const taken = (ratio: number) =>
    ids.filter((id) => isSampled({ isParentBased: false, ratio }, id, undefined))
  assert.equal(taken(0).length, 0)
  assert.equal(taken(1).length, ids.length)
  const quarter = taken(0.25)
  assert.ok(quarter.length > 800 && quarter.length < 1200, `${quarter.length} of 4000`)
  const half = new Set(taken(0.5))
  assert.ok(quarter.every((id) => half.has(id)))
})

test('a caller that has decided decides, if it may', () => {
  const [yes, no] = [read(`00-${TRACE}-${SPAN}-01`), read(`00-${TRACE}-${SPAN}-00`)]
  const decisions = (isParentBased: boolean, ratio: number) =>
    [yes, no].map((parent) => isSampled({ isParentBased, ratio }, TRACE, parent))
  assert.deepEqual(decisions(true, 0), [true, false])
  assert.deepEqual(decisions(false, 0), [false, false])
  assert.deepEqual(decisions(false, 1), [true, true])
})

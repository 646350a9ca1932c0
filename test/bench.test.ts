import assert from 'node:assert/strict'
import test from 'node:test'
import { Answer } from '../bench/load/answer.ts'
import { base64Pieces, isPattern, patternPieces } from '../bench/load/pattern.ts'
import { spreadOf } from '../bench/report/statistics.ts'

const SIZE = 3_000_000
const head = (fields: string) => Buffer.from(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`)
const body = () => Buffer.concat([...patternPieces(0, SIZE)])

test('the bench takes a download that comes in pieces for what was sent', () => {
  const answer = new Answer(SIZE)
  const bytes = Buffer.concat([head(`content-length: ${SIZE}`), body()])
  const pieces = Array.from({ length: 30 }, (_, index) =>
    bytes.subarray(index * 101_000, (index + 1) * 101_000),
  )
  const isWhole = pieces.map((piece) => answer.add(piece))
  assert.equal(isWhole.indexOf(true), isWhole.length - 1)
})

test('the bench notices one other byte, a shifted body and one that is too short', () => {
  const other = body()
  other[SIZE - 1] = (other[SIZE - 1] as number) ^ 1
  for (const bytes of [other, Buffer.concat([Buffer.from('x'), body().subarray(0, SIZE - 1)])]) {
    const answer = new Answer(SIZE)
    answer.add(head(`content-length: ${SIZE}`))
    assert.throws(() => answer.add(bytes), /another body/)
  }
  assert.throws(() => new Answer(SIZE).add(head(`content-length: ${SIZE - 1}`)), /not 3000000/)
})

test('the bench waits for the last chunk of an answer without a length', () => {
  const answer = new Answer()
  assert.equal(answer.add(head('transfer-encoding: chunked')), false)
  assert.equal(answer.add(Buffer.from('2\r\nab\r\n')), false)
  assert.equal(answer.add(Buffer.from('0\r\n\r\n')), true)
})

test('the bench sends the same body from any offset and as base64', () => {
  const decoded = Buffer.from(Buffer.concat([...base64Pieces(SIZE)]).toString(), 'base64')
  assert.ok(decoded.equals(body()))
  assert.ok(isPattern(Buffer.concat([...patternPieces(1_234_567, SIZE)]), 1_234_567))
})

test('the bench tells median and quartiles', () => {
  assert.deepEqual(spreadOf([4, 1, 3, 2, 5]), { median: 3, low: 2, high: 4 })
})

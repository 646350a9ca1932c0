import { createHash } from 'node:crypto'

/** A multiple of three, so that repeating it repeats its base64, too. */
const PERIOD_BYTES = 192 * 1024
/** Few and large writes keep the generator cheap. */
const PERIODS_PER_WRITE = 4

/** The same bytes in every process: what the generator sends, any process can compare. */
const PERIOD = periodOf(PERIOD_BYTES)
const WRITE = Buffer.concat(Array.from({ length: PERIODS_PER_WRITE }, () => PERIOD))
const BASE64_WRITE = Buffer.from(WRITE.toString('base64'))

function periodOf(sizeBytes: number): Buffer {
  const blocks = Array.from({ length: sizeBytes / 64 }, (_, index) =>
    createHash('sha512').update(`block ${index}`).digest(),
  )
  return Buffer.concat(blocks)
}

/** The first bytes of the body that all workloads send. */
export function patternBytes(sizeBytes: number): Buffer {
  if (sizeBytes > WRITE.length) throw new Error(`${sizeBytes} bytes are to be streamed`)
  return WRITE.subarray(0, sizeBytes)
}

/** The body from one offset to another, in pieces for one write each. */
export function* patternPieces(from: number, to: number): Generator<Buffer> {
  for (let at = from; at < to; ) {
    const start = at % WRITE.length
    const piece = WRITE.subarray(start, Math.min(WRITE.length, start + to - at))
    yield piece
    at += piece.length
  }
}

/** The whole body as base64. `sizeBytes`: before that, a multiple of three. */
export function* base64Pieces(sizeBytes: number): Generator<Buffer> {
  const total = (sizeBytes / 3) * 4
  for (let sent = 0; sent < total; sent += BASE64_WRITE.length)
    yield BASE64_WRITE.subarray(0, Math.min(BASE64_WRITE.length, total - sent))
}

/** Whether these are the bytes of the body from this offset on. */
export function isPattern(bytes: Uint8Array, offset: number): boolean {
  const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at < given.length; ) {
    const from = (offset + at) % PERIOD.length
    const length = Math.min(given.length - at, PERIOD.length - from)
    if (given.compare(PERIOD, from, from + length, at, at + length) !== 0) return false
    at += length
  }
  return true
}

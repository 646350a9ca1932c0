import { randomFillSync } from 'node:crypto'

const pool = Buffer.alloc(8192)
let offset = pool.length

/**
 * Secure random bytes, at most 256 at a time, from a pool that is filled in one go: asking the system for a few bytes costs
 * more than what they are used for. The caller owns the memory until the pool comes round again: use it at once.
 */
export function takeRandom(byteLength: number): Buffer {
  if (offset + byteLength > pool.length) {
    randomFillSync(pool)
    offset = 0
  }
  offset += byteLength
  return pool.subarray(offset - byteLength, offset)
}

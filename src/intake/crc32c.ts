/** Castagnoli's polynomial, lowest bit first (RFC 9260, appendix A). */
const POLYNOMIAL = 0x82f63b78
const STRIDE_BYTES = 8

/**
 * Entry `256 * n + b` is the CRC of the byte `b` and `n` zero bytes after it. Eight tables make it as fast as SHA-256, five
 * times as fast as one table.
 */
const table = buildTable()

function buildTable(): Int32Array {
  const entries = new Int32Array(STRIDE_BYTES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    entries[byte] = crc
  }
  for (let at = 256; at < entries.length; at++) {
    const before = entries[at - 256] as number
    entries[at] = (before >>> 8) ^ (entries[before & 255] as number)
  }
  return entries
}

function entry(at: number): number {
  return table[at] as number
}

/** Continues `crc` over `bytes`, as `zlib.crc32` does: unsigned, and 0 for no bytes. */
export function crc32c(bytes: Uint8Array, crc = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = bytes.byteLength - (bytes.byteLength % STRIDE_BYTES)
  let state = ~crc
  for (let at = 0; at < end; at += STRIDE_BYTES) {
    const low = state ^ view.getInt32(at, true)
    const high = view.getInt32(at + 4, true)
    state =
      entry(1792 + (low & 255)) ^
      entry(1536 + ((low >>> 8) & 255)) ^
      entry(1280 + ((low >>> 16) & 255)) ^
      entry(1024 + (low >>> 24)) ^
      entry(768 + (high & 255)) ^
      entry(512 + ((high >>> 8) & 255)) ^
      entry(256 + ((high >>> 16) & 255)) ^
      entry(high >>> 24)
  }
  for (let at = end; at < view.byteLength; at++)
    state = (state >>> 8) ^ entry((state ^ view.getUint8(at)) & 255)
  return ~state >>> 0
}

/** A CRC of 32 bits, big-endian. */
export function hexOfCrc(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}

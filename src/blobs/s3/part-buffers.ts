/** Parts of this size use the same buffers in turn: new ones would have to be cleared, page by page, by the system. */
export const POOLED_BYTES = 16 * 1024 * 1024
const MAX_IDLE = 4

const idle: Buffer<ArrayBuffer>[] = []

/** Pages that are not touched take no memory. */
export function takeBuffer(bytes: number): Buffer<ArrayBuffer> {
  return (bytes === POOLED_BYTES ? idle.pop() : undefined) ?? Buffer.allocUnsafeSlow(bytes)
}

/** Nobody may use it afterwards. */
export function giveBuffer(buffer: Buffer<ArrayBuffer>): void {
  if (buffer.byteLength === POOLED_BYTES && idle.length < MAX_IDLE) idle.push(buffer)
  // Frees it now, and not when the heap next looks.
  else buffer.buffer.transfer(0)
}

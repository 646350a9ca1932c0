/** The beginning of a body. */
interface Head {
  /** All there is. */
  readonly isWhole: boolean
  /** Of its own, exactly filled memory. */
  readonly bytes: Uint8Array
  /** What was read, and what follows; once. */
  andRest(): AsyncIterable<Uint8Array>
}

/** Reads until there is more than `limit` bytes, or no more. With a limit below zero nothing is read. */
export async function headOf(chunks: AsyncIterator<Uint8Array>, limit: number): Promise<Head> {
  const read: Uint8Array[] = []
  let sizeBytes = 0
  let isWhole = false
  while (sizeBytes <= limit) {
    const { done, value } = await chunks.next()
    isWhole = done === true
    if (done) break
    sizeBytes += value.byteLength
    // Its memory may be used again once the next is asked for.
    read.push(sizeBytes <= limit ? new Uint8Array(value) : value)
  }
  const bytes = isWhole ? joined(read, sizeBytes) : NOTHING
  return { isWhole, bytes, andRest: () => inTurn(read, chunks) }
}

const NOTHING = new Uint8Array(0)

function joined(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array
  const bytes = new Uint8Array(sizeBytes)
  let filled = 0
  for (const chunk of chunks) {
    bytes.set(chunk, filled)
    filled += chunk.byteLength
  }
  return bytes
}

async function* inTurn(
  read: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  yield* read
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}

import { readJsonWithContent } from './json-content.ts'

export interface Limits {
  readonly maxContentBytes: number
  readonly maxOtherBytes: number
}

export interface WholeBody {
  readonly rest: Record<string, unknown>
  /** Undefined where none was streamed. */
  readonly content: Buffer | undefined
}

export const wideLimits: Limits = { maxContentBytes: 1024 * 1024, maxOtherBytes: 1024 * 1024 }

/** Reads a body that comes in chunks cut at these offsets, collecting its content. */
export function readWhole(
  body: string | Buffer,
  offsets: readonly number[] = [],
  limits: Partial<Limits> = {},
): Promise<WholeBody> {
  return readJsonWithContent(
    inChunks(Buffer.from(body), offsets),
    { contentField: 'content', ...wideLimits, ...limits },
    gather,
  )
}

export async function gather(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces)
}

export async function* inChunks(body: Buffer, offsets: readonly number[]): AsyncGenerator<Uint8Array, void> {
  const cuts = [0, ...offsets, body.length]
  for (let index = 1; index < cuts.length; index++) yield body.subarray(cuts[index - 1], cuts[index])
}

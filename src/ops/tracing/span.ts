import { randomFillSync } from 'node:crypto'

/** As OTLP numbers them. */
export const spanKinds = { internal: 1, server: 2, client: 3 } as const

export type Attributes = Record<string, string | number>

/** A part of a trace. It is sent once it has ended, and does not change any more. */
export class Span {
  readonly name: string
  readonly kind: (typeof spanKinds)[keyof typeof spanKinds]
  readonly traceId: string
  readonly spanId = newId(8)
  readonly parentId: string | undefined
  /** Whether its parent is a span of a caller. */
  readonly isRemotesChild: boolean
  /** Handed on as it came. */
  readonly traceState: string
  readonly startMs: number
  readonly attributes: Attributes
  endMs = 0
  isError = false

  constructor({ name, kind, startMs, attributes, traceId, traceState, parentId, isRemotesChild }: NewSpan) {
    this.name = name
    this.kind = kind
    this.startMs = startMs
    this.attributes = attributes
    this.traceId = traceId
    this.traceState = traceState
    this.parentId = parentId
    this.isRemotesChild = isRemotesChild
  }
}

type NewSpan = Omit<Span, 'spanId' | 'endMs' | 'isError'>

/** Random bytes are dear by the call, not by the byte. */
const pool = Buffer.alloc(4096)
let unused = 0

/** Lower-case hex, of which no one consists of zeros alone. */
export function newId(bytes: 8 | 16): string {
  if (unused < bytes) unused = randomFillSync(pool).byteLength
  const begin = pool.byteLength - unused
  unused -= bytes
  pool[begin] ||= 1
  return pool.toString('hex', begin, begin + bytes)
}

let offsetMs = Date.now() - performance.now()

/** A clock that has been set, or a machine that has slept. */
const WORTH_FOLLOWING_MS = 50

/** Unix time in milliseconds, with fractions. Follows the clock of the machine only as traces begin, so that parts fit. */
export function beginMs(): number {
  const now = performance.now()
  const measuredMs = Date.now() - now
  if (Math.abs(measuredMs - offsetMs) > WORTH_FOLLOWING_MS) offsetMs = measuredMs
  return now + offsetMs
}

export function nowMs(): number {
  return performance.now() + offsetMs
}

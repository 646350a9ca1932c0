/** A trace that a caller has begun (w3.org/TR/trace-context). */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string
  /** Of the caller's span: 16 lower-case hex digits. */
  readonly spanId: string
  /** Whether the caller records it. */
  readonly isSampled: boolean
  readonly traceState: string
}

const TRACE_PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ZEROS = /^0+$/
const SAMPLED = 1
/** Vendors have to hand on so many characters at least; what is longer is left out as a whole. */
const MAX_STATE_CHARACTERS = 512

/** Undefined if the headers are not there or not as the standard has them. Versions to come begin as the present one. */
export function readTraceContext(
  header: (name: 'traceparent' | 'tracestate') => string | undefined,
): TraceContext | undefined {
  const [, version, traceId, spanId, flags, rest] =
    TRACE_PARENT.exec(header('traceparent')?.trim() ?? '') ?? []
  if (traceId === undefined || spanId === undefined || version === 'ff') return undefined
  if ((version === '00' && rest !== undefined) || ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined
  const state = header('tracestate') ?? ''
  const traceState = state.length <= MAX_STATE_CHARACTERS && /^[\t -~]*$/.test(state) ? state : ''
  return { traceId, spanId, isSampled: (Number.parseInt(flags ?? '', 16) & SAMPLED) === SAMPLED, traceState }
}

/** The digits of a trace's id by which samplers decide: 12 of the 14 that are random by the standard, as a whole number. */
const RANDOM_DIGITS = [18, 30] as const
const RANDOM_VALUES = 16 ** 12

/**
 * Whether a trace is recorded.
 * @param ratio of the traces, from 0 to 1; servers with the same one choose the same traces
 */
export function isSampled(
  { isParentBased, ratio }: { readonly isParentBased: boolean; readonly ratio: number },
  traceId: string,
  parent: TraceContext | undefined,
): boolean {
  if (isParentBased && parent !== undefined) return parent.isSampled
  return Number.parseInt(traceId.slice(...RANDOM_DIGITS), 16) >= (1 - ratio) * RANDOM_VALUES
}

/** The codes of gRPC (grpc.io, "Status Codes"). */
export const grpcCodes = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

export type GrpcCodeName = keyof typeof grpcCodes
export type GrpcCode = (typeof grpcCodes)[GrpcCodeName]

/** How a call fails, as its caller is told. Safe to send. */
export interface GrpcFailure {
  readonly code: GrpcCode
  readonly message: string
  /** A serialized `google.rpc.Status`, for the trailer `grpc-status-details-bin`. */
  readonly details?: Uint8Array
  /** What the log should know: it was our fault. */
  readonly fault?: unknown
  /** What the log should warn of: that a store is full, in its own words. */
  readonly shortage?: string
}

/** A failure found by the plumbing itself, before anybody looks at what the call asks for. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  readonly code: GrpcCode
  readonly retryAfterSeconds: number | undefined

  /** @param retryAfterSeconds after which trying again can help */
  constructor(code: GrpcCodeName, message: string, retryAfterSeconds?: number) {
    super(message)
    this.code = grpcCodes[code]
    this.retryAfterSeconds = retryAfterSeconds
  }
}

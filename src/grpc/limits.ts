/** Bounds of one gRPC server. The size of messages is bounded by each method. */
export interface GrpcLimits {
  /** Of one call, counted as HTTP/2 does: 32 bytes for each entry on top of its texts. */
  readonly maxMetadataBytes: number
  /** On one connection. */
  readonly maxConcurrentStreams: number
  readonly maxConnections: number
  /** Calls of one connection that may be given up before their answer, at once and from then on. */
  readonly resetBurst: number
  readonly resetsPerSecond: number
  /** Ends calls that set no deadline, or a later one. */
  readonly deadlineMs: number
  /** Least average rate of a message that comes in, and of what a peer reads, over a window. */
  readonly minBytesPerSecond: number
  readonly minRateWindowSeconds: number
  /** A connection is asked for a sign of life after this time, and ended if none comes. */
  readonly keepaliveMs: number
  readonly keepaliveTimeoutMs: number
  /** Connections without a call for this long are ended; clients open another when they need one. */
  readonly idleMs: number
  /** What a peer may have sent on one stream, and on a connection, before we have read it. */
  readonly streamWindowBytes: number
  readonly connectionWindowBytes: number
}

const KIB = 1024

export const defaultGrpcLimits: GrpcLimits = {
  maxMetadataBytes: 16 * KIB,
  maxConcurrentStreams: 100,
  maxConnections: 10_000,
  // Once all that may be open at a time.
  resetBurst: 100,
  resetsPerSecond: 20,
  deadlineMs: 600_000,
  minBytesPerSecond: KIB,
  minRateWindowSeconds: 30,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  idleMs: 600_000,
  // The 64 KiB of HTTP/2 let an upload over 50 ms of distance have 1.3 MB a second.
  streamWindowBytes: 1024 * KIB,
  connectionWindowBytes: 4 * 1024 * KIB,
}

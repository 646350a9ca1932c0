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
  /** Least average rate of incoming messages, and of reading clients, over a window. */
  readonly minBytesPerSecond: number
  readonly minRateWindowSeconds: number
  /** A connection gets a PING after this time, and ends if the answer does not come in time. */
  readonly keepaliveMs: number
  readonly keepaliveTimeoutMs: number
  /** Connections without a call for this long are ended; clients open another when they need one. */
  readonly idleMs: number
  /** Bytes that a client may send on one stream, and on a connection, before they are read. */
  readonly streamWindowBytes: number
  readonly connectionWindowBytes: number
}

const KIB = 1024

export const defaultGrpcLimits: GrpcLimits = {
  maxMetadataBytes: 16 * KIB,
  maxConcurrentStreams: 100,
  maxConnections: 10_000,
  // All calls that may be open at a time.
  resetBurst: 100,
  resetsPerSecond: 20,
  deadlineMs: 600_000,
  minBytesPerSecond: KIB,
  minRateWindowSeconds: 30,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  idleMs: 600_000,
  // With HTTP/2's default of 64 KiB, an upload with a round trip of 50 ms reaches 1.3 MB/s.
  streamWindowBytes: 1024 * KIB,
  connectionWindowBytes: 4 * 1024 * KIB,
}

/** How a call went. */
export interface EndedCall {
  readonly requestId: string
  /** By its name: `NOT_FOUND`. */
  readonly code: string
  readonly seconds: number
  /** Of messages. */
  readonly receivedBytes: number
  readonly sentBytes: number
  /** Undefined: it was not let in. */
  readonly account: Account | undefined
}

/** Whose call it is. */
export interface Account {
  /** Is charged for memory; '' for methods without a key. */
  readonly organizationId: string
  readonly keyId?: string | null
  readonly projectIds?: readonly string[]
}

/** What belongs to a call is run as a part of its trace. */
export interface CallSpan {
  readonly traceId: string
  run<T>(work: () => T): T
  /** @param code by its name */
  end(code: string): void
}

/** What a trace needs of a call. */
export interface BegunCall {
  readonly path: string
  readonly requestId: string
  header(name: string): string | undefined
}

/** Who is told of calls. */
export interface WatchCalls {
  /** Called when a call of a known method begins. Returns the function to call when it ends. */
  readonly watch: (method: string) => (call: EndedCall) => void
  /** Where calls are traced: called as a call begins. */
  readonly trace?: ((call: BegunCall) => CallSpan) | undefined
}

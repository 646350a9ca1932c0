/** A stored answer of an idempotent request. */
export interface Answer {
  readonly status: number
  /** The body as sent. */
  readonly body: string
}

/** Where an idempotent answer is kept: one key per organization and operation. */
export interface AnswerSlot {
  readonly organizationId: string
  readonly operation: string
  readonly key: string
}

/** A slot that a request of this process has reserved, as far as this process knows. */
export interface HeldAnswer {
  readonly slot: AnswerSlot
  readonly token: string
  readonly leaseUntil: number
  /** No request works on it any more, but whether it was freed is not known. */
  readonly isForsaken: boolean
}

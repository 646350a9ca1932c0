import { randomUUID } from 'node:crypto'
import { isStoreError, ServiceError } from './errors.ts'
import type { Answer, AnswerSlot, Change } from './ports/changes.ts'
import { DAY_MS, MINUTE_MS } from './ports/clock.ts'
import type { HeldAnswer } from './ports/metadata-store.ts'
import type { Services } from './services.ts'

/** How long a successful answer is repeated. */
const KEEP_MS = DAY_MS
/** How long a slot stays reserved if its request does not renew the lease, because its process has died or hangs. */
const LEASE_MS = MINUTE_MS
/** A lease is renewed once it is so old: requests that end before, nearly all, never renew it. */
const RENEW_AFTER_MS = LEASE_MS / 4
const TENDED_AT_ONCE = 200

/** The right to answer an idempotent request, held by one request at a time. */
export interface Reservation {
  readonly slot: AnswerSlot
  readonly token: string
}

/**
 * Takes the slot of an idempotency key, or finds the answer that was given before.
 * @throws ServiceError `idempotency-running` while another request holds the slot
 */
export async function reserveAnswer(services: Services, slot: AnswerSlot): Promise<Answer | Reservation> {
  const now = services.clock.machineNow()
  const known = await services.metadata.findAnswer(slot, now)
  if (known !== undefined && known !== 'running') return known
  const token = randomUUID()
  if (known === undefined) {
    try {
      await services.metadata.commit([{ kind: 'answer.claim', slot, token, now, leaseUntil: now + LEASE_MS }])
      return { slot, token }
    } catch (error) {
      if (!isStoreError(error, 'conflict')) throw error
    }
  }
  throw requestRunning('A request with this key is still running.')
}

/**
 * Renews the leases of requests of this process that run for long, and frees the slots that requests which ended could not
 * free. A lease that was lost meanwhile stays lost: the slot has another token then, or is gone.
 * @returns how many slots were freed
 */
export async function tendReservations({ metadata, clock }: Services): Promise<number> {
  const now = clock.machineNow()
  const isDue = ({ leaseUntil, isForsaken }: HeldAnswer) =>
    isForsaken || leaseUntil - now < LEASE_MS - RENEW_AFTER_MS
  const due = metadata.heldAnswers().filter(isDue).slice(0, TENDED_AT_ONCE)
  if (due.length === 0) return 0
  const changes = due.map(
    ({ slot, token, isForsaken }): Change =>
      isForsaken
        ? { kind: 'answer.drop', slot, token }
        : { kind: 'answer.renew', slot, token, leaseUntil: now + LEASE_MS },
  )
  await metadata.commit(changes)
  return changes.filter(({ kind }) => kind === 'answer.drop').length
}

/** Whether a commit failed because another request has taken the slot, whose lease was over. */
export function isReservationLost(error: unknown): boolean {
  return isStoreError(error, 'conflict') && error.change === 'answer.save'
}

export function requestRunning(message: string): ServiceError {
  return new ServiceError('idempotency-running', message, { retryAfterSeconds: 1 })
}

export function isReservation(found: Answer | Reservation): found is Reservation {
  return 'token' in found
}

/** The change that keeps an answer; committed together with what the answer tells of. */
export function keepAnswer({ clock }: Services, { slot, token }: Reservation, answer: Answer): Change {
  return { kind: 'answer.save', slot, token, answer, keepUntil: clock.machineNow() + KEEP_MS }
}

/** Frees the slot: a failed request is not remembered, and the same key tries again. */
export async function dropReservation({ metadata }: Services, { slot, token }: Reservation): Promise<void> {
  await metadata.commit([{ kind: 'answer.drop', slot, token }])
}

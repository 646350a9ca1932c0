import { randomUUID } from 'node:crypto'
import { isStoreError, ServiceError } from './errors.ts'
import type { FileRecord } from './files/file.ts'
import type { Answer, AnswerSlot, Change } from './ports/changes.ts'
import { DAY_MS, MINUTE_MS } from './ports/clock.ts'
import type { HeldAnswer } from './ports/metadata-store.ts'
import type { Services } from './services.ts'
import type { Alongside } from './uploads/start-upload.ts'

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

/** A request that is run once for its slot. */
export interface Once {
  /** Commits what it does together with the answer, through `alongside`: all or none. */
  readonly run: (alongside: Alongside) => Promise<FileRecord>
  /** The body of the answer. */
  readonly print: (file: FileRecord) => Promise<string>
  /** Runs before an answer is repeated. @throws ServiceError if the caller may not have it */
  readonly checkRepeat: () => Promise<void>
  /** Learns that the slot of a failed request could not be freed. */
  readonly onStuck: (error: unknown) => void
}

/**
 * Runs a request, or returns the answer that it had before. A failure frees the slot, so that a retry runs again.
 * @returns the body of the answer
 * @throws ServiceError `idempotency-running`, and what `run` throws
 */
export async function runOnce(
  services: Services,
  slot: AnswerSlot,
  { run, print, checkRepeat, onStuck }: Once,
): Promise<string> {
  const { metadata, clock } = services
  const found = await reserveAnswer(services, slot)
  if (!isReservation(found)) {
    await checkRepeat()
    return found.body
  }
  const { token } = found
  let body: string | undefined
  try {
    await run(async (file) => {
      body = await print(file)
      const keepUntil = clock.machineNow() + KEEP_MS
      return [{ kind: 'answer.save', slot, token, answer: { status: 200, body }, keepUntil }]
    })
    if (body === undefined) throw new Error('an idempotent request committed nothing')
    return body
  } catch (error) {
    await metadata.commit([{ kind: 'answer.drop', slot, token }]).catch(onStuck)
    throw isReservationLost(error) ? requestRunning('Another request with this key took over.') : error
  }
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

export function isReservation(found: Answer | Reservation): found is Reservation {
  return 'token' in found
}

function requestRunning(message: string): ServiceError {
  return new ServiceError('idempotency-running', message, { retryAfterSeconds: 1 })
}

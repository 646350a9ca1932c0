import type { FastifyBaseLogger } from 'fastify'
import type { FileRecord } from '../core/files/file.ts'
import {
  dropReservation,
  isReservation,
  isReservationLost,
  keepAnswer,
  requestRunning,
  reserveAnswer,
} from '../core/idempotency.ts'
import type { Answer, AnswerSlot } from '../core/ports/changes.ts'
import type { Services } from '../core/services.ts'
import type { Alongside } from '../core/uploads/start-upload.ts'

type ToBody = (file: FileRecord) => string | Promise<string>
type Run = (alongside?: Alongside) => Promise<FileRecord>

/**
 * Runs a request once per idempotency key. `run` commits what it does together with the answer, through `alongside`; a
 * repeat gets that answer again, a failure frees the key.
 * @returns the body to send, always with status 200
 * @throws ServiceError `idempotency-running`, and what `run` throws
 */
export function idempotently(
  services: Services,
  log: FastifyBaseLogger,
  slot: AnswerSlot | undefined,
  toBody: ToBody,
  run: Run,
): Promise<string> {
  return slot === undefined ? run().then(toBody) : runOnce(services, log, slot, toBody, run)
}

async function runOnce(
  services: Services,
  log: FastifyBaseLogger,
  slot: AnswerSlot,
  toBody: ToBody,
  run: Run,
): Promise<string> {
  const found = await reserveAnswer(services, slot)
  if (!isReservation(found)) return found.body
  let answer: Answer | undefined
  try {
    await run(async (file) => {
      answer = { status: 200, body: await toBody(file) }
      return [keepAnswer(services, found, answer)]
    })
    if (answer === undefined) throw new Error('an idempotent request committed nothing')
    return answer.body
  } catch (error) {
    await dropReservation(services, found).catch((cause) =>
      log.warn({ err: cause }, 'could not free an idempotency key'),
    )
    throw isReservationLost(error) ? requestRunning('Another request with this key took over.') : error
  }
}

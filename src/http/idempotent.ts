import type { FastifyReply, FastifyRequest, preValidationHookHandler } from 'fastify'
import { Type } from 'typebox'
import { hasScope } from '../core/access/admit.ts'
import type { Caller } from '../core/caller.ts'
import { ServiceError } from '../core/errors.ts'
import type { FileRecord } from '../core/files/file.ts'
import { requireVisible } from '../core/files/read-file.ts'
import { runOnce } from '../core/idempotency.ts'
import type { AnswerSlot } from '../core/ports/changes.ts'
import type { Services } from '../core/services.ts'
import type { Alongside } from '../core/uploads/start-upload.ts'

const MAX_KEY_CHARACTERS = 255

/** For the documentation of an operation that runs `idempotently`. */
export const idempotencyHeader = {
  'Idempotency-Key': Type.Optional(
    Type.String({
      maxLength: MAX_KEY_CHARACTERS,
      description: 'A repeat with the same key gets the first answer, for 24 hours.',
    }),
  ),
}

/** Headers are checked before the body. @throws ServiceError `idempotency-key-invalid` */
export const checkIdempotencyKey: preValidationHookHandler = ({ headers }, _reply, done) => {
  const key = headers['idempotency-key']
  if (key !== undefined && key.length > MAX_KEY_CHARACTERS) {
    const message = `Idempotency-Key is longer than ${MAX_KEY_CHARACTERS} characters.`
    throw new ServiceError('idempotency-key-invalid', message, { field: 'Idempotency-Key' })
  }
  done()
}

/** A request that its client may repeat under one `Idempotency-Key`. */
export interface Repeatable {
  /** What the key is unique in, beside the organization and the reach. */
  readonly operation: string
  /** By default the caller's projects. */
  readonly reach?: string
  /** Of the file that it is about, in any form; undefined: it makes one. */
  readonly id?: string
  /** Commits what it does together with the answer, through `alongside`. */
  readonly run: (alongside?: Alongside) => Promise<FileRecord>
  /** The body of the answer, as an object. */
  readonly toBody: (file: FileRecord) => unknown
}

/**
 * Runs a request once per idempotency key: a repeat gets the first answer again, a failure frees the key. Without a key,
 * or with an empty one, it just runs.
 * @returns the JSON to send with a success
 * @throws ServiceError `idempotency-running`, and what `run` throws
 */
export function idempotently(
  services: Services,
  { headers, caller, log }: FastifyRequest,
  reply: FastifyReply,
  { operation, reach, id, run, toBody }: Repeatable,
): Promise<string> {
  const print = async (file: FileRecord) => JSON.stringify(await toBody(file))
  const key = headers['idempotency-key']
  reply.type('application/json; charset=utf-8')
  if (!key) return run().then(print)
  const onStuck = (err: unknown) => log.warn({ err }, 'could not free an idempotency key')
  const checkRepeat = async () => (id === undefined ? undefined : requireVisible(services, caller, id))
  const slot = slotOf(caller, operation, String(key), reach)
  return runOnce(services, slot, { run, print, checkRepeat, onStuck })
}

/**
 * Answers show files and upload links, so keys that reach other projects have slots of their own, and so has each subject
 * whose key may not read.
 */
function slotOf(
  caller: Caller,
  operation: string,
  key: string,
  reach = caller.projectIds.join(' '),
): AnswerSlot {
  const { organizationId, subject } = caller
  const by = hasScope(caller, 'files:read') ? '' : ` by ${subject.type} ${subject.id}`
  return { organizationId, operation: `${operation} in ${reach}${by}`, key }
}

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceError } from '../core/errors.ts'
import { declarePublic } from '../http/guard.ts'
import { acceptJsonBodies } from '../http/json-body.ts'
import type { Emulator } from './emulator.ts'
import { type Authenticate, type Exposure, requireEntrance } from './entrance.ts'
import { parseFault } from './fault-input.ts'
import { type ClockInput, isoTime } from './virtual-clock.ts'

/** Where the emulator is asked; no vendor's path begins so. */
export const OWN_PATH = '/-/'

/** Adds the routes to a server of its own, without a prefix. */
export function addEmulatorRoutes(
  server: FastifyInstance,
  emulator: Emulator,
  { exposure, authenticate }: { readonly exposure: Exposure; readonly authenticate: Authenticate },
): void {
  declarePublic(server)
  server.addHook('onRequest', (request) => requireEntrance(exposure, authenticate, request))
  acceptJsonBodies(server)
  server.get('/-/clock', async () => toClockBody(emulator))
  server.post('/-/clock', async (request) => {
    await emulator.changeClock(fieldsOf(request, ['advance', 'set', 'freeze']))
    return toClockBody(emulator)
  })
  server.get('/-/faults', async () => ({ faults: emulator.faults.list() }))
  server.post('/-/faults', async (request, reply) => {
    reply.code(201)
    return emulator.faults.add(parseFault(fieldsOf(request)))
  })
  server.delete('/-/faults', async (_request, reply) => {
    emulator.faults.clear()
    return reply.code(204).send()
  })
  server.post('/-/reset', async (request, reply) => {
    fieldsOf(request, [])
    await emulator.reset()
    return reply.code(204).send()
  })
  server.get('/-/journal', async ({ query }) => emulator.journal.since(sinceOf(query)))
  server.delete('/-/journal', async (_request, reply) => {
    emulator.journal.clear()
    return reply.code(204).send()
  })
}

function toClockBody({ clock }: Emulator) {
  return { now: isoTime(clock.now()), frozen: clock.isFrozen }
}

/** @throws ServiceError `body-not-json`, `field-unknown` */
function fieldsOf({ body }: FastifyRequest, known?: readonly string[]): ClockInput & Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new ServiceError('body-not-json', 'The body must be a JSON object.')
  const field = Object.keys(body).find((name) => known !== undefined && !known.includes(name))
  if (field === undefined) return body as Record<string, unknown>
  throw new ServiceError('field-unknown', `${field} is not a known field.`, { field })
}

function sinceOf(query: unknown): number {
  const { since = '0' } = query as { readonly since?: unknown }
  if (typeof since === 'string' && /^\d{1,15}$/.test(since)) return Number(since)
  throw new ServiceError('field-invalid', 'since must be the number of an entry.', { field: 'since' })
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../core/ports/clock.ts'
import type { Admission, GrpcCall, Method } from '../grpc/method.ts'
import { GrpcError, grpcCodes } from '../grpc/status.ts'
import type { Fault, Faults } from './faults.ts'
import { injectedError } from './injected-error.ts'
import type { Journal } from './journal.ts'
import { isoTime } from './virtual-clock.ts'

interface Watching {
  readonly clock: Clock
  readonly faults: Faults
  readonly journal: Journal
}

/**
 * The method, with faults and a line in the journal for each call. A fault is found by POST and the path of the call; its
 * status becomes the code of the call. Connections, which many calls share, are not cut: a lost answer is UNAVAILABLE.
 */
export function watchGrpc(method: Method, { clock, faults, journal }: Watching): Method {
  return {
    ...method,
    admit: async (call) => {
      const fault = faults.take('POST', [method.path])
      const entry = {
        at: isoTime(clock.now()),
        requestId: call.requestId,
        method: 'gRPC',
        route: method.path,
      }
      const startedAt = performance.now()
      const tell = journal.begin()
      let outcome: { readonly code: number; readonly organizationId?: string } | undefined
      call.signal.addEventListener('abort', () => {
        const { code, ...caller } = outcome ?? {}
        tell({
          ...entry,
          ...caller,
          durationMs: Math.round(performance.now() - startedAt),
          dialect: null,
          status: code === undefined ? null : (grpcCodes[code] ?? null),
          complete: code !== undefined,
          fault: fault?.id ?? null,
        })
      })
      const failing = (error: unknown) => {
        const failure = error instanceof GrpcError ? error : method.toFailure(error, call.requestId)
        outcome = { ...outcome, code: failure.code }
        return error
      }
      try {
        const admission = await admitted(method, call, fault, faults.untilReset)
        const { organizationId } = admission
        const answer: Admission['answer'] = async function* (message) {
          try {
            for await (const answered of admission.answer(message)) if (!fault?.loseAnswer) yield answered
            if (fault?.loseAnswer) throw injectedError(503)
            outcome = { code: grpcCodes.OK, ...(organizationId === '' ? {} : { organizationId }) }
          } catch (error) {
            throw failing(error)
          }
        }
        return { ...admission, answer }
      } catch (error) {
        throw failing(error)
      }
    },
  }
}

async function admitted(
  method: Method,
  call: GrpcCall,
  fault: Fault | undefined,
  untilReset: AbortSignal,
): Promise<Admission> {
  if (fault?.delayMs !== undefined) {
    const signal = AbortSignal.any([call.signal, untilReset])
    await sleep(fault.delayMs, undefined, { signal }).catch(() => {
      throw injectedError(503)
    })
  }
  if (fault?.status !== undefined && fault.status >= 400) throw injectedError(fault.status)
  return method.admit(call)
}

import { randomUUID } from 'node:crypto'
import { ServiceError } from '../core/errors.ts'

/** Bounds the memory of all, with what one may hold. */
const MAX_FAULTS = 100

/** What happens to a request. Times are milliseconds. */
export interface FaultEffect {
  /** Before anything else. */
  readonly delayMs?: number
  /** Answered instead of the work. */
  readonly status?: number
  /** Of that answer. */
  readonly headers?: Readonly<Record<string, string>>
  /** Of that answer: a text as it is, anything else as JSON. Undefined: an error in the form of whoever is asked. */
  readonly body?: unknown
  /** The connection ends once so much of the body of the answer was sent, if there is more. */
  readonly cutAnswerAfterBytes?: number
  /** The connection ends once so much of the body of the request has come, if there is more. */
  readonly cutRequestAfterBytes?: number
  /** The work is done, and the connection ends in place of the answer. */
  readonly loseAnswer?: true
}

export interface NewFault extends FaultEffect {
  /** A method and a path, each with `*` for any text: `POST /v1/files/*`. */
  readonly route: string
  /** How many requests it happens to. */
  readonly times: number
}

/** As it stands: `times` are those that are left. */
export interface Fault extends NewFault {
  readonly id: string
}

/** What will go wrong with the next requests. */
export class Faults {
  #faults: readonly Fault[] = []
  #reset = new AbortController()

  /** Ends the delays of requests that have begun: what they ask for was never done, and must not be done after a reset. */
  get untilReset(): AbortSignal {
    return this.#reset.signal
  }

  list(): readonly Fault[] {
    return this.#faults
  }

  /** @throws ServiceError `rule-violated` if there are too many */
  add(fault: NewFault): Fault {
    if (this.#faults.length >= MAX_FAULTS)
      throw new ServiceError('rule-violated', `There are ${MAX_FAULTS} faults already; delete them first.`)
    const added = { id: randomUUID(), ...fault }
    this.#faults = [...this.#faults, added]
    return added
  }

  clear(): void {
    this.#faults = []
  }

  reset(): void {
    this.clear()
    this.#reset.abort()
    this.#reset = new AbortController()
  }

  /** The oldest fault of a request, which is used up by one. @param paths how the path of the request may be written */
  take(method: string, paths: readonly string[]): Fault | undefined {
    const found = this.#faults.find(({ route }) => {
      const [ofMethod = '', ofPath = ''] = route.split(' ')
      return fits(ofMethod.toUpperCase(), method) && paths.some((path) => fits(ofPath, path))
    })
    if (found === undefined) return undefined
    this.#faults = this.#faults.flatMap((fault) => {
      if (fault !== found) return [fault]
      return fault.times > 1 ? [{ ...fault, times: fault.times - 1 }] : []
    })
    return found
  }
}

/** Whether a text fits a pattern, in which `*` stands for any text. Takes no longer than a search for each piece of it. */
export function fits(pattern: string, text: string): boolean {
  const [first = '', ...pieces] = pattern.split('*')
  const last = pieces.pop()
  if (last === undefined) return text === pattern
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const piece of pieces) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}

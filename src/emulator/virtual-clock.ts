import { ServiceError } from '../core/errors.ts'
import type { Clock, EmulatedTime } from '../core/ports/clock.ts'
import { parseInstant, parseSpan } from './time-input.ts'

/** Leaves a thousand years for what ends later, as four digits are all that many clients read. */
const LATEST = Date.UTC(9000, 0, 1)

/** How somebody wants the clock to be. At most one of `advance` and `set`. */
export interface ClockInput {
  /** Seconds, or a text like `1d12h`. */
  readonly advance?: unknown
  /** ISO 8601 with a zone. */
  readonly set?: unknown
  readonly freeze?: unknown
}

/** A clock whose time for people can be moved forward and stopped. What the machine needs goes by its own time. */
export class VirtualClock implements Clock {
  readonly #machine: Clock
  #time: EmulatedTime

  constructor(machine: Clock, time: EmulatedTime) {
    this.#machine = machine
    this.#time = time
  }

  now(): number {
    const { offsetMs, frozenAt } = this.#time
    return frozenAt ?? this.#machine.now() + offsetMs
  }

  machineNow(): number {
    return this.#machine.machineNow()
  }

  get isFrozen(): boolean {
    return this.#time.frozenAt !== null
  }

  turn(time: EmulatedTime): void {
    this.#time = time
  }

  /**
   * What the time becomes. It never goes back, or there would be rows from the future.
   * @throws ServiceError `field-invalid`, `field-missing`
   */
  changed({ advance, set, freeze }: ClockInput): EmulatedTime {
    if (advance === undefined && set === undefined && freeze === undefined)
      throw new ServiceError('field-missing', 'Give advance, set or freeze.', { field: 'advance' })
    if (advance !== undefined && set !== undefined) throw invalid('set', 'does not go together with advance')
    if (freeze !== undefined && typeof freeze !== 'boolean') throw invalid('freeze', 'must be true or false')
    const present = this.now()
    const ahead = advance === undefined ? 0 : parseSpan('advance', advance)
    const wanted = set === undefined ? present + ahead : parseInstant('set', set)
    if (wanted < present)
      throw invalid('set', `must not be before ${isoTime(present)}: time only goes forward`)
    if (wanted > LATEST)
      throw invalid(set === undefined ? 'advance' : 'set', `must not lead beyond ${isoTime(LATEST)}`)
    return {
      offsetMs: wanted - this.#machine.now(),
      frozenAt: (freeze ?? this.isFrozen) ? wanted : null,
    }
  }
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

function invalid(field: string, reason: string): ServiceError {
  return new ServiceError('field-invalid', `${field} ${reason}.`, { field })
}

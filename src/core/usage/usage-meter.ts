import type { Change } from '../ports/changes.ts'
import { type Clock, HOUR_MS } from '../ports/clock.ts'
import {
  type CountedHour,
  hourOf,
  type UsageCounts,
  type UsageHolder,
  WHOLE_ORGANIZATION,
} from './usage-hour.ts'

/** Bounds the memory: an entry takes some 300 bytes. Beyond it a project is counted on its organization alone. */
const MAX_PROJECTS = 10_000
/** Beyond it nothing is counted: so many organizations within one minute, or with a database that is away for long. */
const MAX_ENTRIES = 2 * MAX_PROJECTS

type Counts = { -readonly [Name in keyof UsageCounts]: number }
type Entry = CountedHour & Counts

/** A request that is over, and on whom it counts. */
export interface RequestUsage {
  readonly organizationId: string
  /** Undefined: the request was of no one project. */
  readonly projectId: string | undefined
  readonly bytesIn: number
  readonly bytesOut: number
}

/** Counts in memory what happens on this server, by hour, project and organization, until somebody takes it. */
export class UsageMeter {
  readonly #clock: Pick<Clock, 'now'>
  /** Of the hour that goes on, by project; organizations by their own id, which no project has. */
  #current = new Map<string, Entry>()
  #hour = 0
  /** Of hours before, and what could not be kept. */
  #waiting: Entry[] = []

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  request({ organizationId, projectId, bytesIn, bytesOut }: RequestUsage): void {
    this.#add(organizationId, projectId, (entry) => {
      entry.requests++
      entry.bytesIn += bytesIn
      entry.bytesOut += bytesOut
    })
  }

  /** What a commit that succeeded has made of files. */
  commit(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'emulator.reset') this.#forget()
      else if (change.kind === 'file.insert')
        this.#add(change.file.organizationId, change.file.projectId, (entry) => entry.created++)
      else if (change.kind === 'usage.add' && change.usage.files < 0) {
        const { organizationId, projectId, files } = change.usage
        this.#add(organizationId, projectId, (entry) => {
          entry.deleted -= files
        })
      }
    }
  }

  /** Everything that was counted and not taken yet. */
  take(): readonly CountedHour[] {
    this.#turn()
    const taken = this.#waiting
    this.#waiting = []
    return taken
  }

  /** Keeps for later what could not be stored. */
  putBack(hours: readonly CountedHour[]): void {
    this.#waiting.push(...hours.slice(0, MAX_ENTRIES - this.#waiting.length))
  }

  #add(organizationId: string, projectId: string | undefined, count: (entry: Counts) => void): void {
    const now = this.#clock.now()
    // A clock may be set back, too.
    if (now < this.#hour || now >= this.#hour + HOUR_MS) {
      this.#turn()
      this.#hour = hourOf(now)
    }
    const whole = this.#entryOf(
      organizationId,
      { organizationId, projectId: WHOLE_ORGANIZATION },
      MAX_ENTRIES,
    )
    if (whole) count(whole)
    if (projectId === undefined) return
    const entry = this.#entryOf(projectId, { organizationId, projectId }, MAX_PROJECTS)
    if (entry) count(entry)
  }

  #entryOf(id: string, holder: UsageHolder, max: number): Entry | undefined {
    const known = this.#current.get(id)
    if (known || this.#current.size + this.#waiting.length >= max) return known
    const entry = {
      ...holder,
      hour: this.#hour,
      created: 0,
      deleted: 0,
      requests: 0,
      bytesIn: 0,
      bytesOut: 0,
    }
    this.#current.set(id, entry)
    return entry
  }

  #forget(): void {
    this.#current = new Map()
    this.#waiting = []
  }

  #turn(): void {
    if (this.#current.size === 0) return
    this.#waiting.push(...this.#current.values())
    this.#current = new Map()
  }
}

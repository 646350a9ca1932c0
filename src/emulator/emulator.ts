import type { FastifyInstance } from 'fastify'
import { hashSecret } from '../core/access/admit.ts'
import { admitRootKey, ROOT_KEY_NAME } from '../core/access/root-key.ts'
import type { Clock, EmulatedTime } from '../core/ports/clock.ts'
import type { MetadataStore } from '../core/ports/metadata-store.ts'
import type { Services } from '../core/services.ts'
import { collectBlobs } from '../core/upkeep/collect-blobs.ts'
import type { Method } from '../grpc/method.ts'
import { jobsOf } from '../jobs/jobs.ts'
import type { Authenticate, Exposure } from './entrance.ts'
import { Faults } from './faults.ts'
import { Journal } from './journal.ts'
import { addEmulatorRoutes } from './routes.ts'
import { type ClockInput, VirtualClock } from './virtual-clock.ts'
import { watchGrpc } from './watch-grpc.ts'
import { type WatchedHttp, watchHttp } from './watch-http.ts'

const REAL_TIME: EmulatedTime = { offsetMs: 0, frozenAt: null }

export interface EmulatedSurface extends WatchedHttp {
  readonly services: Services
  readonly authenticate: Authenticate
}

/**
 * What a server for tests can do besides: move the time that people see, fail on demand, forget everything, and tell what it
 * was asked. Loaded only where it is switched on, on an installation that is an emulator's for ever.
 */
export class Emulator {
  readonly clock: VirtualClock
  readonly faults = new Faults()
  readonly journal = new Journal()
  readonly #metadata: MetadataStore
  readonly #exposure: Exposure
  readonly #rootKey: string | undefined
  /** The work of a server that is awaited after its time was moved; known once it serves. */
  #services: Services | undefined
  /** Changes of the clock and resets happen one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(
    metadata: MetadataStore,
    clock: VirtualClock,
    { exposure, rootKey }: { readonly exposure: Exposure; readonly rootKey: string | undefined },
  ) {
    this.#metadata = metadata
    this.clock = clock
    this.#exposure = exposure
    this.#rootKey = rootKey
  }

  /** Its clock goes on where it was left. */
  static async open(
    metadata: MetadataStore,
    machine: Clock,
    settings: { readonly exposure: Exposure; readonly rootKey: string | undefined },
  ): Promise<Emulator> {
    const time = (await metadata.emulatedTime()) ?? REAL_TIME
    return new Emulator(metadata, new VirtualClock(machine, time), settings)
  }

  /** Call it before any other hook or route is added that faults are to concern. */
  async addTo(server: FastifyInstance, surface: EmulatedSurface): Promise<void> {
    this.#services = surface.services
    watchHttp(server, { ...surface, clock: this.clock, faults: this.faults, journal: this.journal })
    const access = { exposure: this.#exposure, authenticate: surface.authenticate }
    await server.register(async (scope) => addEmulatorRoutes(scope, this, access))
  }

  watchMethods(methods: readonly Method[]): readonly Method[] {
    return methods.map((method) => watchGrpc(method, this))
  }

  /** Resolves once what has ended by the new time is swept. @throws ServiceError `field-invalid`, `field-missing` */
  changeClock(input: ClockInput): Promise<void> {
    return this.#inTurn(async () => {
      const time = this.clock.changed(input)
      await this.#metadata.commit([{ kind: 'emulator.note', time }])
      this.clock.turn(time)
      await this.#sweep()
    })
  }

  /**
   * Makes the installation as it was after its first start, in one commit: a request sees all of it or nothing. What was
   * being uploaded fails at its end. Journal and faults are empty, and the clock is the machine's.
   */
  reset(): Promise<void> {
    return this.#inTurn(async () => {
      const now = this.clock.machineNow()
      await this.#metadata.commit([
        { kind: 'emulator.reset', time: REAL_TIME, rootKeyName: ROOT_KEY_NAME, now },
      ])
      this.clock.turn(REAL_TIME)
      this.faults.reset()
      this.journal.reset()
      // A root key that was revoked by hand is gone with the reset.
      const stores = { metadata: this.#metadata, clock: this.clock }
      if (this.#rootKey !== undefined) await admitRootKey(stores, hashSecret(this.#rootKey))
      // Nobody waits for the bytes to go: the job that collects them comes back to what is left.
      if (this.#services !== undefined) void collectBlobs(this.#services).catch(() => undefined)
    })
  }

  async #sweep(): Promise<void> {
    if (this.#services === undefined) return
    for (const job of jobsOf(this.#services)) while ((await job.run()) > 0);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

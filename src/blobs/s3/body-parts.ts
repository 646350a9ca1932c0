import { BodyPart, type PartOptions, type PartRoom } from './body-part.ts'

/** A part that fills more slowly than this holds no memory. */
const MIN_BYTES_PER_LOOK = 256 * 1024
const LOOK_MS = 1_000

/** A part that nothing is added to any more. */
export interface CutPart {
  readonly part: BodyPart
  readonly last: boolean
}

/**
 * Cuts a body into parts of equal size, the last one excepted; an empty body is one empty part. It fills a part while the one
 * before is in use, no more. To be disposed of in any case.
 */
export class BodyParts implements AsyncDisposable {
  readonly #room: PartRoom
  readonly #pace: PartPace
  readonly #options: PartOptions
  readonly #live = new Set<BodyPart>()

  constructor(room: PartRoom, pace: PartPace, options: PartOptions) {
    this.#room = room
    this.#pace = pace
    this.#options = options
  }

  /** @throws StoreError `unavailable` if there is no room in time; and what the body throws */
  async *cut(body: AsyncIterable<Uint8Array>): AsyncGenerator<CutPart> {
    const { maxBytes } = this.#options
    let part = this.#begin()
    for await (const chunk of body) {
      for (let rest = chunk; rest.byteLength > 0; ) {
        if (part.sizeBytes === maxBytes) {
          yield await this.#seal(part, false)
          part = this.#begin()
        }
        const fitting = rest.subarray(0, maxBytes - part.sizeBytes)
        const waiting = part.append(fitting)
        if (waiting) await waiting
        rest = rest.subarray(fitting.byteLength)
      }
    }
    yield await this.#seal(part, true)
  }

  async release(part: BodyPart): Promise<void> {
    this.#live.delete(part)
    await part.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#live) {
      this.#pace.forget(part)
      await this.release(part)
    }
  }

  #begin(): BodyPart {
    const part = new BodyPart(this.#room, this.#options)
    this.#live.add(part)
    this.#pace.watch(part)
    return part
  }

  async #seal(part: BodyPart, last: boolean): Promise<CutPart> {
    this.#pace.forget(part)
    await part.seal()
    return { part, last }
  }
}

/** Moves parts that fill slowly to the spool. One timer for all bodies, and none after a look that found no part. */
export class PartPace {
  /** How long each part was at the last look; undefined: there was none yet. */
  readonly #filling = new Map<BodyPart, number | undefined>()
  readonly #lookMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(lookMs = LOOK_MS) {
    this.#lookMs = lookMs
  }

  watch(part: BodyPart): void {
    this.#filling.set(part, undefined)
    this.#timer ??= setInterval(() => this.#look(), this.#lookMs).unref()
  }

  forget(part: BodyPart): void {
    this.#filling.delete(part)
  }

  #look(): void {
    if (this.#filling.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
    for (const [part, before] of this.#filling) {
      const { sizeBytes } = part
      const isSlow = before !== undefined && sizeBytes - before < MIN_BYTES_PER_LOOK
      if (isSlow && sizeBytes > 0) part.giveMemoryUp()
      this.#filling.set(part, sizeBytes)
    }
  }
}

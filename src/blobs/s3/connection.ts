import { setTimeout as delay } from 'node:timers/promises'
import { S3Client } from '@aws-sdk/client-s3'
import { parseHttpDate } from '../../core/time/http-date.ts'
import type { WatchCall } from '../../core/watch-call.ts'
import { isRefusedUnprocessed, isTransient, LATE } from './errors.ts'
import { payloadHashOf } from './part.ts'

/** Which objects of which store are ours. */
export interface S3Location {
  readonly bucket: string
  /** Undefined: Amazon's own, in the region. */
  readonly endpoint: string | undefined
  readonly region: string
  /** Empty, or ends with a slash. */
  readonly prefix: string
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. */
  readonly pathStyle: boolean
  /** Undefined: the SDK's own chain (shared files, roles of containers and instances). */
  readonly credentials: S3Credentials | undefined
}

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export interface CallOptions {
  /** Of one attempt, until the head of the answer. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
  /** False: an attempt that may have had an effect is not repeated. */
  readonly repeatable?: boolean
}

type Call<T> = (options: { readonly abortSignal: AbortSignal }) => Promise<T>

const CONNECT_TIMEOUT_MS = 5_000
const ANSWER_MS = 5_000
const MAX_ATTEMPTS = 3
const FIRST_PAUSE_MS = 100
/** Slow readers of downloads hold a connection each; HTTP bounds how many there are. */
const MAX_SOCKETS = 4_096
const MAX_RETRY_TOKENS = 50
const TOKENS_PER_RETRY = 5
/** Larger bodies are hashed on another thread. */
const HASH_ASIDE_BYTES = 256 * 1024

/**
 * A bucket, and the one way in which it is called: every attempt has a deadline, attempts are few and apart, and a store in
 * trouble is not asked more than a sixth more often than a healthy one.
 */
export class S3Connection {
  readonly client: S3Client
  readonly location: S3Location
  /** How long the store may take to answer what is short, and be silent while it sends. */
  readonly answerMs: number
  /** By how much the store's clock is ahead of ours, as of the last answer; undefined before. */
  clockSkewMs: number | undefined
  #retryTokens = MAX_RETRY_TOKENS

  constructor(location: S3Location, answerMs = ANSWER_MS, watch?: WatchCall) {
    this.location = location
    this.answerMs = answerMs
    const { endpoint, region, pathStyle, credentials } = location
    this.client = new S3Client({
      region,
      forcePathStyle: pathStyle,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
      // Repeating is decided here, and checksums by what the store was found to take.
      maxAttempts: 1,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      expectContinueHeader: false,
      logger: silent,
      requestHandler: {
        connectionTimeout: CONNECT_TIMEOUT_MS,
        httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
        httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      },
    })
    this.#hashAside()
    this.#watchClock()
    if (watch) this.#watchCalls(watch)
  }

  /**
   * Calls the store, repeatedly where that can help. What is thrown is the SDK's, but for an abort of the caller's.
   * @throws StoreError `aborted`
   */
  async call<T>(
    call: Call<T>,
    { timeoutMs = this.answerMs, signal, repeatable = true }: CallOptions = {},
  ): Promise<T> {
    // Two deadlines that pass are enough: somebody waits.
    const giveUpAt = performance.now() + 2 * timeoutMs
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await withDeadline(call, timeoutMs, signal)
        this.#retryTokens = Math.min(MAX_RETRY_TOKENS, this.#retryTokens + 1)
        return answer
      } catch (error) {
        if (signal?.aborted) throw error
        const canHelp = repeatable ? isTransient(error) : isRefusedUnprocessed(error)
        const isOver = attempt === MAX_ATTEMPTS || performance.now() >= giveUpAt
        if (!canHelp || isOver || this.#retryTokens < TOKENS_PER_RETRY) throw error
        this.#retryTokens -= TOKENS_PER_RETRY
        await pause(attempt, signal)
      }
    }
  }

  close(): void {
    this.client.destroy()
  }

  /** Each body is signed by its hash, so that a store cannot take other bytes than were sent. */
  #hashAside(): void {
    this.client.middlewareStack.add(
      (next) => async (args) => {
        const request = args.request as { body?: unknown; headers: Record<string, string> }
        const { body, headers } = request
        const isLarge = body instanceof Uint8Array && body.byteLength >= HASH_ASIDE_BYTES
        const known = typeof body === 'object' && body !== null ? payloadHashOf(body) : undefined
        const hash = isLarge ? await hashAside(body as Uint8Array<ArrayBuffer>) : known
        if (hash !== undefined) headers['x-amz-content-sha256'] = hash
        return next(args)
      },
      { step: 'build', name: 'hashAside' },
    )
  }

  /** Each attempt counts by itself. */
  #watchCalls(watch: WatchCall): void {
    this.client.middlewareStack.add(
      (next, { commandName = 'unknown' }) =>
        async (args) => {
          const begin = performance.now()
          let status: number | undefined
          try {
            const result = await next(args)
            status = (result.response as { statusCode?: number }).statusCode
            return result
          } finally {
            const operation = commandName.replace(/Command$/, '')
            watch({ operation, outcome: outcomeOf(status), seconds: (performance.now() - begin) / 1000 })
          }
        },
      { step: 'deserialize', priority: 'low', name: 'watchCalls' },
    )
  }

  #watchClock(): void {
    this.client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args)
        const { headers } = result.response as { headers?: Record<string, string> }
        const now = Date.now()
        const theirs = parseHttpDate(headers?.date ?? '', now)
        if (theirs !== undefined) this.clockSkewMs = theirs - now
        return result
      },
      { step: 'deserialize', priority: 'low', name: 'watchClock' },
    )
  }
}

const nothing = () => undefined
/** Without a logger the SDK warns on the console that it does not repeat a request itself. */
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Two hashes at a time, each behind the one before: what is hashed is copied for that. */
const hashing: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()]

async function hashAside(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = hashing.shift()?.then(() => crypto.subtle.digest('SHA-256', bytes))
  hashing.push(Promise.resolve(digest).catch(() => undefined))
  return Buffer.from((await digest) ?? new ArrayBuffer(0)).toString('hex')
}

/** What an answer of this status, or none, is counted as. */
function outcomeOf(status: number | undefined): string {
  if (status === undefined) return 'unanswered'
  if (status < 400) return 'ok'
  if (status === 404) return 'missing'
  return status < 500 ? 'refused' : 'failed'
}

/** The deadline ends with the head of the answer: a body that follows is watched by whoever reads it. */
async function withDeadline<T>(
  call: Call<T>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  const controller = new AbortController()
  const abort = () => controller.abort()
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort, { once: true })
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    abort()
  }, timeoutMs)
  try {
    return await call({ abortSignal: controller.signal })
  } catch (error) {
    throw isLate ? Object.assign(new Error('no answer in time', { cause: error }), { code: LATE }) : error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

/** Longer each time, and of random length: those that failed together do not come back together. */
async function pause(attempt: number, signal: AbortSignal | undefined): Promise<void> {
  const options = signal === undefined ? {} : { signal }
  await delay(Math.random() * FIRST_PAUSE_MS * 2 ** attempt, undefined, options)
}

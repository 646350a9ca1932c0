import { setTimeout as delay } from 'node:timers/promises'
import {
  type $Command,
  S3Client,
  type S3ClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from '@aws-sdk/client-s3'
import { StoreError } from '../../core/errors.ts'
import { BLOB_KEY, type BlobKey } from '../../core/ports/blob-store.ts'
import { parseHttpDate } from '../../core/time/http-date.ts'
import type { WatchCall } from '../../core/watch-call.ts'
import { isRefusedUnprocessed, isTransient, LATE, s3Error, undefinedIfMissing } from './errors.ts'

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
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
    | undefined
}

/** An object, as commands name it. */
export interface S3Object {
  readonly Bucket: string
  readonly Key: string
}

export interface CallOptions {
  /** Of one attempt, until the head of the answer. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
  /** False: an attempt that may have had an effect is not repeated. */
  readonly repeatable?: boolean
}

type Call<T> = (options: { readonly abortSignal: AbortSignal }) => Promise<T>

type S3Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = $Command<
  I,
  O,
  S3ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes
>

const CONNECT_TIMEOUT_MS = 5_000
const ANSWER_MS = 5_000
const MAX_ATTEMPTS = 3
const FIRST_PAUSE_MS = 100
/** Slow readers of downloads hold a connection each; HTTP bounds how many there are. */
const MAX_SOCKETS = 4_096
const MAX_RETRY_TOKENS = 50
const TOKENS_PER_RETRY = 5

/**
 * A bucket, and the one way to call it: every attempt has a deadline, attempts are few and apart, and a store in trouble gets
 * at most a sixth more requests than a healthy one. A call rejects with a StoreError whose cause is the SDK's error.
 */
export class S3Connection {
  readonly client: S3Client
  readonly location: S3Location
  /** How long the store may take for a short answer, and be silent while it sends a long one. */
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
      // `call` retries, and the probe finds out which checksums the store takes.
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
    this.#watchAnswers(watch)
  }

  /** @param name behind the prefix */
  object(name: string): S3Object {
    const { bucket, prefix } = this.location
    return { Bucket: bucket, Key: prefix + name }
  }

  blob(key: BlobKey): S3Object {
    return this.object(`blobs/${checkedKey(key).slice(0, 2)}/${key}`)
  }

  /** Where clients put what becomes a blob. */
  staged(key: BlobKey): S3Object {
    return this.object(`staging/${checkedKey(key)}`)
  }

  async send<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    action: string,
    command: S3Command<I, O>,
    options?: CallOptions,
  ): Promise<O> {
    return this.call(action, (http) => this.client.send(command, http), options)
  }

  /** Undefined if there is no such object. */
  async find<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    action: string,
    command: S3Command<I, O>,
    options?: CallOptions,
  ): Promise<O | undefined> {
    return this.send(action, command, options).catch(undefinedIfMissing)
  }

  /** Calls the store, and retries where that can help. `action` ends the sentence "cannot …". */
  async call<T>(
    action: string,
    call: Call<T>,
    { timeoutMs = this.answerMs, signal, repeatable = true }: CallOptions = {},
  ): Promise<T> {
    // No retry after two deadlines: a client waits.
    const giveUpAt = performance.now() + 2 * timeoutMs
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await withDeadline(call, timeoutMs, signal)
        this.#retryTokens = Math.min(MAX_RETRY_TOKENS, this.#retryTokens + 1)
        return answer
      } catch (error) {
        if (error instanceof StoreError) throw error
        const canHelp = repeatable ? isTransient(error) : isRefusedUnprocessed(error)
        const isOver = signal?.aborted || attempt === MAX_ATTEMPTS || performance.now() >= giveUpAt
        if (!canHelp || isOver || this.#retryTokens < TOKENS_PER_RETRY) throw s3Error(action, error)
        this.#retryTokens -= TOKENS_PER_RETRY
        // Longer each time, and of random length: those that failed together do not come back together.
        await delay(Math.random() * FIRST_PAUSE_MS * 2 ** attempt)
      }
    }
  }

  /** Each attempt counts by itself. */
  #watchAnswers(watch: WatchCall | undefined): void {
    this.client.middlewareStack.add(
      (next, { commandName = 'unknown' }) =>
        async (args) => {
          const begin = performance.now()
          let answer: { statusCode?: number; headers?: Record<string, string> } = {}
          try {
            const result = await next(args)
            answer = result.response as typeof answer
            return result
          } finally {
            this.#noteClock(answer.headers?.date)
            const operation = commandName.replace(/Command$/, '')
            const seconds = (performance.now() - begin) / 1000
            watch?.({ operation, outcome: outcomeOf(answer.statusCode), seconds })
          }
        },
      { step: 'deserialize', priority: 'low', name: 'watchAnswers' },
    )
  }

  #noteClock(date = ''): void {
    const now = Date.now()
    const theirs = parseHttpDate(date, now)
    if (theirs !== undefined) this.clockSkewMs = theirs - now
  }
}

function checkedKey(key: BlobKey): BlobKey {
  if (!BLOB_KEY.test(key)) throw new StoreError('refused', 'a blob key has 32 lower-case hex characters')
  return key
}

const nothing = () => undefined
/** Without a logger the SDK warns on the console that it does not retry. */
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** The label of an answer of this status, or of none. */
function outcomeOf(status: number | undefined): string {
  if (status === undefined) return 'unanswered'
  if (status < 400) return 'ok'
  if (status === 404) return 'missing'
  return status < 500 ? 'refused' : 'failed'
}

/** The deadline ends with the head of the answer; the reader of a streamed body has its own. */
async function withDeadline<T>(call: Call<T>, timeoutMs: number, signal?: AbortSignal): Promise<T> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), timeoutMs)
  try {
    return await call({ abortSignal: signal ? AbortSignal.any([signal, late.signal]) : late.signal })
  } catch (error) {
    if (!late.signal.aborted) throw error
    throw Object.assign(new Error('no answer in time', { cause: error }), { code: LATE })
  } finally {
    clearTimeout(timer)
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Profile } from './profiles.ts'
import { type Answer, refusalOf, unreachable } from './refusals.ts'

/** A file as `/admin/v1` shows it. */
export interface RemoteFile {
  readonly id: string
  readonly project: { readonly id: string; readonly slug: string }
  readonly name: string
  readonly sizeBytes: number
  readonly mimeType: string
  readonly sha256: string | null
  readonly createdAt: string
  readonly [field: string]: unknown
}

export interface FilePage {
  readonly files: readonly RemoteFile[]
  readonly next: string | null
}

interface RequestOptions {
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** After a server has answered once, what breaks off is tried again after so long; a busy server says itself how long. */
const RETRY_DELAYS_MS = [250, 500, 1000, 2000, 4000, 8000]
const MAX_WAIT_MS = 60_000
const BUSY = [429, 503]

/** `/admin/v1` of a server. Requests reject with a `Failure`, whose message is for the operator. */
export class Api {
  readonly #connection: Profile
  #wasReached = false

  constructor(connection: Profile) {
    this.#connection = connection
  }

  get url(): string {
    return this.#connection.url
  }

  getFile(id: string): Promise<RemoteFile> {
    return this.json('GET', filePath(id))
  }

  async json<T>(method: string, path: string, options?: RequestOptions): Promise<T> {
    const response = await this.request(method, path, options)
    const text = await response.text().catch((error) => {
      throw unreachable(this.url, error)
    })
    if (response.status === 204) return undefined as T
    try {
      return JSON.parse(text)
    } catch {
      throw refusalOf(this.url, { status: response.status, body: '' })
    }
  }

  /** Resolves once a success begins; its body is the caller's to read. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#try(method, path, options)
      if (outcome instanceof Response) return outcome
      const delayMs = RETRY_DELAYS_MS[attempt]
      if (delayMs === undefined || !outcome.canRetry) throw outcome.failure
      const askedMs = (outcome.retryAfterSeconds ?? 0) * 1000
      await sleep(Math.min(Math.max(delayMs, askedMs), MAX_WAIT_MS))
    }
  }

  async #try(method: string, path: string, { query = {}, body, headers, signal }: RequestOptions) {
    const url = new URL(this.#connection.url + path)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, value)
    let response: Response
    try {
      response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${this.#connection.key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        // The key is for this server alone.
        redirect: 'manual',
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (error) {
      const canRetry = this.#wasReached && method !== 'POST' && signal?.aborted !== true
      return { failure: unreachable(this.url, error), canRetry, retryAfterSeconds: undefined }
    }
    this.#wasReached = true
    if (response.ok) return response
    const failure = refusalOf(this.url, await answerOf(response))
    const { retryAfterSeconds } = failure
    return {
      failure,
      canRetry: BUSY.includes(response.status) && retryAfterSeconds !== undefined,
      retryAfterSeconds,
    }
  }
}

export function filePath(id: string): string {
  return `/admin/v1/files/${encodeURIComponent(id)}`
}

async function answerOf(response: Response): Promise<Answer> {
  return {
    status: response.status,
    body: await response.text().catch(() => ''),
    retryAfter: response.headers.get('retry-after') ?? undefined,
    location: response.headers.get('location') ?? undefined,
  }
}

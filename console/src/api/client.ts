import type { Problem } from './bodies.ts'

/** `…/admin/v1/`, behind whatever prefix the console is. */
export const apiUrl = new URL('../admin/v1/', document.baseURI)

const ATTEMPTS = 3
const FIRST_PAUSE_MS = 400
const MAX_PAUSE_MS = 10_000
/** Too many requests, and what proxies and stopping servers say. */
const PASSING = [429, 502, 503, 504]

/** Why a request failed, in words for the person who made it. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** 0: no answer came. */
  readonly status: number
  /** For programs: `file_not_found`, …; `unreachable` where no answer came. */
  readonly code: string
  /** The field of the request at fault. */
  readonly field: string | undefined
  readonly requestId: string | undefined

  constructor({ status, code, detail, field, requestId }: Partial<Problem>, options?: ErrorOptions) {
    super(detail ?? 'The server did not say what is wrong.', options)
    this.status = status ?? 0
    this.code = code ?? 'unknown'
    this.field = field
    this.requestId = requestId
  }

  /** Whether the same request may succeed later. */
  get isPassing(): boolean {
    return this.status === 0 || PASSING.includes(this.status)
  }
}

export interface RequestOptions {
  /** Undefined and empty values are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>
  /** The `updatedAt` of what is to be changed: refused where it has been changed since. */
  readonly ifMatch?: string
  /** The request ends with it, and rejects with its reason. */
  readonly signal?: AbortSignal
}

let tellSignedOut = () => {}

/** @param listener runs for each answer that says that nobody is signed in */
export function onSignedOut(listener: () => void): void {
  tellSignedOut = listener
}

/**
 * Calls `/admin/v1`. Paths have no slash at their beginning. GET is sent again where that can help; for others see `patiently`.
 * Each @throws ApiError
 */
export const api = {
  get: <Body>(path: string, options: RequestOptions = {}) =>
    patiently(() => send<Body>('GET', path, options), options),
  post: <Body>(path: string, body: unknown, options: RequestOptions = {}) =>
    send<Body>('POST', path, options, body),
  put: <Body>(path: string, body: unknown, options: RequestOptions = {}) =>
    send<Body>('PUT', path, options, body),
  patch: <Body>(path: string, body: unknown, options: RequestOptions = {}) =>
    send<Body>('PATCH', path, options, body),
  delete: (path: string, options: RequestOptions = {}) => send<void>('DELETE', path, options),
}

/** The address of a path of the API, for links and for what is no JSON. */
export function addressOf(path: string, query: RequestOptions['query'] = {}): string {
  // A colon in the first segment (`files:delete`) would end a scheme.
  const url = new URL(`./${path}`, apiUrl)
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') url.searchParams.set(name, String(value))
  return url.href
}

async function send<Body>(
  method: string,
  path: string,
  { query, signal, ifMatch }: RequestOptions,
  body?: unknown,
): Promise<Body> {
  const response = await fetch(addressOf(path, query), {
    method,
    credentials: 'same-origin',
    cache: 'no-store',
    ...(signal === undefined ? {} : { signal }),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    signal?.throwIfAborted()
    const detail = 'The server cannot be reached. Check the connection, and try again.'
    throw new ApiError({ code: 'unreachable', detail }, { cause: error })
  })
  if (!response.ok) throw await errorOf(response)
  return (response.status === 204 ? undefined : await response.json()) as Body
}

async function errorOf(response: Response): Promise<ApiError> {
  const { status } = response
  // What is before the server may answer in its stead, in any form.
  const problem = (await response.json().catch(() => ({}))) as Partial<Problem>
  if (status === 401) tellSignedOut()
  const detail = problem.detail ?? `The server answered ${status} ${response.statusText}`.trim()
  const seconds = Number(response.headers.get('retry-after'))
  const error = new ApiError({ ...problem, status, detail })
  if (seconds > 0) pauses.set(error, seconds * 1000)
  return error
}

/** What the server asked to wait, in ms. */
const pauses = new WeakMap<ApiError, number>()

export interface Patience {
  readonly signal?: AbortSignal
  /** How often in all; by default three times. */
  readonly attempts?: number
}

/** Makes a request again while it fails in passing. Only for what may arrive twice. @throws ApiError of the last attempt */
export async function patiently<Body>(
  request: () => Promise<Body>,
  { signal, attempts = ATTEMPTS }: Patience = {},
): Promise<Body> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request()
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isPassing || attempt === attempts) throw error
      await pause(Math.min(pauses.get(error) ?? FIRST_PAUSE_MS * 2 ** attempt, MAX_PAUSE_MS), signal)
      if (signal?.aborted) throw error
    }
  }
}

/** Ends with the signal, too. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => resolve(), { once: true })
  })
}

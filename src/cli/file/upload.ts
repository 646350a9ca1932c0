import { type DetailedError, Upload, type UploadOptions } from 'tus-js-client'
import { Failure } from '../failure.ts'
import type { Profile } from '../remote/profiles.ts'
import { Refusal, refusalOf, Unreachable } from '../remote/refusals.ts'
import type { TusHttp } from './tus-http.ts'
import type { UnfinishedUploads } from './unfinished-uploads.ts'
import { PART_BYTES, type UploadSource } from './upload-source.ts'

/** Begins anew whenever bytes got through. Five minutes in all. */
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000, 8000, 15_000, ...Array<number>(9).fill(30_000)]
/** What a later try may succeed after. */
const PASSING = [408, 409, 423, 425, 429, 500, 502, 503, 504]
/** Smaller files go along with the creation: one request, and nothing to resume. */
export const SMALL_BYTES = 1024 * 1024

export interface UploadPlan {
  readonly source: UploadSource
  /** `Upload-Metadata`. */
  readonly metadata: Readonly<Record<string, string>>
  /** By what the same command finds the upload again; undefined: never. */
  readonly fingerprint: string | undefined
}

export interface Uploading {
  readonly connection: Profile
  readonly http: TusHttp
  readonly unfinished: UnfinishedUploads
  readonly signal: AbortSignal
  /** Called when it waits for the server to come back. */
  readonly onWait: () => void
}

/**
 * Uploads by tus, from where an earlier run ended. Waits and goes on where the network or the server fails for minutes.
 * @returns the id of the file
 * @throws Failure
 */
export async function upload(
  uploading: Uploading,
  { source, metadata, fingerprint }: UploadPlan,
): Promise<string> {
  const { connection, http, unfinished, signal, onWait } = uploading
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const { size } = source
  const options: UploadOptions = {
    endpoint: `${connection.url}/tus`,
    headers: { authorization: `Bearer ${connection.key}` },
    metadata: { ...metadata },
    fileReader: { openFile: async () => source },
    httpStack: http,
    urlStorage: unfinished,
    fingerprint: async () => fingerprint ?? '',
    storeFingerprintForResuming: fingerprint !== undefined,
    removeFingerprintOnSuccess: true,
    retryDelays: [...RETRY_DELAYS_MS],
    onShouldRetry: retrying(http, onWait),
    onError: (error) => reject(failureOf(error, connection.url)),
    onSuccess: ({ lastResponse }) => resolve(lastResponse.getHeader('Entrepot-File-Id') ?? ''),
    ...(size === null
      ? { uploadLengthDeferred: true, chunkSize: PART_BYTES }
      : { uploadDataDuringCreation: size > 0 && size <= SMALL_BYTES }),
  }
  const running = new Upload(source as never, options)
  const [earlier] = fingerprint === undefined ? [] : await unfinished.findUploadsByFingerprint(fingerprint)
  if (earlier !== undefined) running.resumeFromPreviousUpload(earlier)
  const stop = () => {
    running.abort()
    reject(new Failure('It was interrupted.'))
  }
  signal.addEventListener('abort', stop)
  try {
    if (signal.aborted) stop()
    else running.start()
    return await promise
  } finally {
    signal.removeEventListener('abort', stop)
    source.close()
  }
}

/** Whoever never reached the server learns that at once. */
function retrying(http: TusHttp, onWait: () => void): NonNullable<UploadOptions['onShouldRetry']> {
  return (error, attempt, { retryDelays, endpoint }) => {
    const failure = failureOf(error, endpoint ?? '')
    const mayPass =
      failure instanceof Refusal
        ? PASSING.includes(failure.status)
        : http.wasReached && failure instanceof Unreachable
    const delays = retryDelays ?? []
    const askedMs = failure instanceof Refusal ? (failure.retryAfterSeconds ?? 0) * 1000 : 0
    // The client takes its next delay from this list.
    delays[attempt] = Math.max(RETRY_DELAYS_MS[attempt] ?? 0, askedMs)
    if (mayPass) onWait()
    return mayPass
  }
}

/** The message of the client has the link in it, which is a credential. */
function failureOf(error: Error | DetailedError, server: string): Failure {
  const { causingError, originalResponse } = error as Partial<DetailedError>
  if (error instanceof Failure) return error
  if (causingError instanceof Failure) return causingError
  if (!originalResponse)
    return new Failure(`The upload to ${server} failed: ${(causingError ?? error).name}.`)
  const { message, status, retryAfterSeconds } = refusalOf(server, {
    status: originalResponse.getStatus(),
    body: originalResponse.getBody(),
    retryAfter: originalResponse.getHeader('Retry-After'),
    location: originalResponse.getHeader('Location'),
  })
  return new Refusal(byFlags(message), status, retryAfterSeconds)
}

/** The server speaks of a header. */
function byFlags(message: string): string {
  return message
    .replace(/^Upload-Metadata: filename (.*)\.$/, 'The name $1: give another by --name.')
    .replace('Upload-Metadata: ', '')
}

/* Moves bytes. Loaded with the first upload: Uppy and tus-js-client are a third of the console. */
import Uppy from '@uppy/core'
import Tus from '@uppy/tus'
import type { DetailedError, HttpRequest, HttpResponse } from 'tus-js-client'
import { discard, storageOf } from './kept.ts'
import type { Source } from './upload.ts'

/** What becomes of a file while it is sent. Nothing is told after `onStored` or `onFailed`, nor while it is paused. */
export interface SendEvents {
  /** How many bytes of the file have been sent; fewer than before where some were lost on the way. */
  readonly onProgress: (sentBytes: number) => void
  /** Its id, once the server has begun it. */
  readonly onBegun: (fileId: string) => void
  /** It is tried again by itself. */
  readonly onTrouble: (reason: string) => void
  /** @param mayBeMixed the file was changed or moved meanwhile, which the browser notices at the beginning of a read alone */
  readonly onStored: (mayBeMixed: boolean) => void
  readonly onFailed: (failure: Failure) => void
}

export interface Failure {
  /** A sentence; the server's, if it answered. */
  readonly reason: string
  /**
   * - `unreachable`: no good answer came for long;
   * - `refused`: the same may succeed once something else has changed, as a quota;
   * - `hopeless`: the same never succeeds;
   * - `signed-out`: the session has ended, so that nothing else can begin either.
   */
  readonly kind: 'unreachable' | 'refused' | 'hopeless' | 'signed-out'
}

/** A file that is being sent. */
export interface Sending {
  pause(): void
  /** Goes on at once, also where it waits to be tried again. */
  resume(): void
  /** Ends the upload here and, as far as it has begun, on the server. */
  end(): void
}

/** Between attempts, beginning anew whenever bytes got through: a server that restarts is waited for, for some ten minutes. */
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000, ...Array.from({ length: 60 }, () => 10_000)]
/** Of the server that stops, of a proxy without one, and of too many requests. */
const PASSING = [408, 409, 423, 429]
/** What is asked for is wrong in itself. */
const HOPELESS = [400, 413, 415]

/** Failures are told in the queue. */
const SILENT = { debug() {}, warn() {}, error() {} }

const uppy = new Uppy({ id: 'uploads', logger: SILENT }).use(Tus, {
  endpoint: new URL('../tus', document.baseURI).href,
  retryDelays: RETRY_DELAYS_MS,
  // The same file may come once more: then it is another one.
  removeFingerprintOnSuccess: true,
  allowedMetaFields: ['filename', 'filetype', 'project'],
  // The queue decides how many.
  limit: 1000,
})

// Else it would be sent again with the next one. Its links stay, so that a retry goes on.
uppy.on('upload-error', (file) => {
  if (file !== undefined) forget(file.id)
})

let lastId = 0

/** Sends a file, from where it was interrupted if it was. */
export function send(source: Source, file: File, events: SendEvents): Sending {
  const id = uppy.addFile({
    name: source.name || 'file',
    data: file,
    meta: {
      filename: source.name,
      filetype: file.type,
      project: source.project.id,
      // Makes the id unique: to Uppy, names that differ in case alone are one.
      relativePath: String(++lastId),
    },
  })
  const sending = new UppySending(id, source, file, events)
  uppy.setFileState(id, { tus: sending.options })
  // What becomes of it is told by its events.
  uppy.upload().catch(() => {})
  return sending
}

class UppySending implements Sending {
  readonly #id: string
  readonly #source: Source
  readonly #file: File
  readonly #events: SendEvents
  #hasBegun = false
  #isOver = false

  constructor(id: string, source: Source, file: File, events: SendEvents) {
    this.#id = id
    this.#source = source
    this.#file = file
    this.#events = events
  }

  get options() {
    return {
      urlStorage: storageOf(this.#source),
      onProgress: (sentBytes: number) => this.#events.onProgress(sentBytes),
      onAfterResponse: (request: HttpRequest, response: HttpResponse) => this.#onAnswer(request, response),
      onShouldRetry: (error: DetailedError) => this.#mayRetry(error),
      onSuccess: () => void this.#onSuccess(),
      onError: (error: Error | DetailedError) => void this.#onError(error),
    }
  }

  pause(): void {
    if (!this.#isPaused()) uppy.pauseResume(this.#id)
  }

  resume(): void {
    this.pause()
    if (this.#isPaused()) uppy.pauseResume(this.#id)
  }

  end(): void {
    this.#isOver = true
    forget(this.#id)
    giveUp(this.#source)
  }

  #isPaused(): boolean {
    const file = uppy.getFile(this.#id)
    return file === undefined || file.isPaused === true
  }

  /** @throws Error where the library would begin the file anew though it need not, or should not */
  #onAnswer(request: HttpRequest, response: HttpResponse): void {
    const status = response.getStatus()
    const fileId = response.getHeader('entrepot-file-id')
    if (fileId) this.#events.onBegun(fileId)
    const isHead = request.getMethod() === 'HEAD'
    if (isHead && status >= 500) throw new Error(`the server answered ${status}`)
    if (isHead && status >= 400 && this.#hasBegun) throw new EndedError()
    this.#hasBegun ||= status < 300
  }

  #mayRetry(error: DetailedError): boolean {
    const status = error.originalResponse?.getStatus() ?? 0
    const isPassing = status < 400 || status >= 500 || PASSING.includes(status)
    if (!isPassing || error.causingError instanceof EndedError) return false
    this.#events.onTrouble(`${troubleOf(status)} Trying again.`)
    // A browser does not say why a request has failed.
    void isReadable(this.#file).then((isGood) => {
      if (!isGood) this.#fail(UNREADABLE)
    })
    return true
  }

  async #onSuccess(): Promise<void> {
    const isGood = await isReadable(this.#file)
    this.#leave(() => this.#events.onStored(!isGood))
  }

  async #onError(error: Error | DetailedError): Promise<void> {
    const isGood = await isReadable(this.#file)
    this.#fail(isGood ? failureOf(error) : UNREADABLE)
  }

  #fail(failure: Failure): void {
    this.#leave(() => this.#events.onFailed(failure))
    if (failure === UNREADABLE) giveUp(this.#source)
  }

  #leave(tell: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    tell()
    // Uppy still looks at it.
    queueMicrotask(() => forget(this.#id))
  }
}

/** The server knows the upload no more: somebody ended it, or nothing came for too long. */
class EndedError extends Error {
  override readonly name = 'EndedError'
}

const UNREADABLE: Failure = {
  reason: 'The file cannot be read: it was changed or moved, or it is a folder. Choose it again.',
  kind: 'hopeless',
}

/** Stops Uppy. It would end the server's part as well, but without minding what came of that. */
function forget(id: string): void {
  const upload = uppy.getPlugin('Tus')?.uploaders[id]
  if (upload) upload.url = null
  if (uppy.getFile(id) !== undefined) uppy.removeFile(id)
}

/** What cannot be ended now ends by itself within the hour. */
function giveUp(source: Source): void {
  discard(source).catch(() => {})
}

function failureOf(error: Error | DetailedError): Failure {
  if ('causingError' in error && error.causingError instanceof EndedError)
    return { reason: 'The upload was ended on the server.', kind: 'refused' }
  const response = 'originalResponse' in error ? error.originalResponse : null
  const status = response?.getStatus() ?? 0
  const reason = sentenceIn(response?.getBody()) ?? troubleOf(status)
  if (status === 401) return { reason, kind: 'signed-out' }
  if (status === 0 || status >= 500) return { reason, kind: status === 507 ? 'refused' : 'unreachable' }
  return { reason, kind: HOPELESS.includes(status) ? 'hopeless' : 'refused' }
}

function troubleOf(status: number): string {
  if (status === 429) return 'The server has too many requests.'
  if (status > 0) return `The server answered ${status}.`
  return navigator.onLine ? 'The server cannot be reached.' : 'There is no network.'
}

/** What the server says is wrong. */
function sentenceIn(body: string | undefined): string | undefined {
  try {
    const { error } = JSON.parse(body ?? '') as { error?: { message?: string } }
    return error?.message
  } catch {
    return undefined
  }
}

/** Whether the file is as it was when it was chosen. */
async function isReadable(file: File): Promise<boolean> {
  try {
    await file.slice(-1).arrayBuffer()
    return true
  } catch {
    return false
  }
}

import { hash } from 'node:crypto'
import { ROOT_KEY } from './server-process.ts'

/** Links are built from this, so that they outlive a restart on another port. Nothing answers there. */
export const PUBLIC_URL = 'http://files.invalid'

export interface FileBody {
  readonly id: string
  readonly status: 'PENDING' | 'COMPLETED' | 'CANCELLED' | 'EXPIRED'
  readonly filename: string
  readonly mimeType: string
  readonly sizeBytes: number
  readonly createdAt: string
  readonly completedAt: string | null
}

export interface CreatedBody extends FileBody {
  readonly uploadUrl: string
}

/** An answer whose body came whole. */
export interface Answer {
  readonly status: number
  readonly text: string
}

export interface Download {
  readonly status: number
  readonly mimeType: string | null
  readonly sizeBytes: number
  readonly sha256: string
}

/** The Lightfield dialect as a client sees it. Every method rejects if the connection breaks before the answer is whole. */
export class ApiClient {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  create(
    file: Pick<FileBody, 'filename' | 'mimeType' | 'sizeBytes'>,
    idempotencyKey?: string,
  ): Promise<Answer> {
    const { filename, mimeType, sizeBytes } = file
    return this.#post('/v1/files', { filename, mimeType, sizeBytes }, idempotencyKey)
  }

  async put(uploadUrl: string, mimeType: string, bytes: Uint8Array<ArrayBuffer>): Promise<Answer> {
    return read(
      await fetch(this.#reachable(uploadUrl), {
        method: 'PUT',
        headers: { 'content-type': mimeType },
        body: bytes,
      }),
    )
  }

  complete(id: string, md5?: string): Promise<Answer> {
    return this.#post(`/v1/files/${id}/complete`, md5 === undefined ? {} : { md5 })
  }

  cancel(id: string): Promise<Answer> {
    return this.#post(`/v1/files/${id}/cancel`, {})
  }

  retrieve(id: string): Promise<Answer> {
    return this.#get(`/v1/files/${id}`)
  }

  link(id: string): Promise<Answer> {
    return this.#get(`/v1/files/${id}/url`)
  }

  async download(link: string): Promise<Download> {
    const response = await fetch(this.#reachable(link))
    const bytes = new Uint8Array(await response.arrayBuffer())
    return {
      status: response.status,
      mimeType: response.headers.get('content-type'),
      sizeBytes: bytes.byteLength,
      sha256: hash('sha256', bytes),
    }
  }

  /** All files there are, newest first. */
  async list(): Promise<FileBody[]> {
    const files: FileBody[] = []
    for (;;) {
      const { status, text } = await this.#get(`/v1/files?offset=${files.length}`)
      if (status !== 200) throw new Error(`The listing answered ${status}: ${text}`)
      const page = (JSON.parse(text) as { data: FileBody[] }).data
      files.push(...page)
      if (page.length === 0) return files
    }
  }

  async isReady(): Promise<boolean> {
    return (await this.#get('/readyz')).status === 200
  }

  async #get(path: string): Promise<Answer> {
    return read(await fetch(this.#url + path, { headers: headers() }))
  }

  async #post(path: string, body: unknown, idempotencyKey?: string): Promise<Answer> {
    const key = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }
    return read(
      await fetch(this.#url + path, {
        method: 'POST',
        headers: { ...headers(), ...key, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    )
  }

  #reachable(link: string): string {
    return link.replace(PUBLIC_URL, this.#url)
  }
}

function headers(): Record<string, string> {
  return { authorization: `Bearer ${ROOT_KEY}`, 'lightfield-version': '2026-03-01' }
}

async function read(response: Response): Promise<Answer> {
  return { status: response.status, text: await response.text() }
}

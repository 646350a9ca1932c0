import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { PreviousUpload, UrlStorage } from 'tus-js-client'
import { makeOwnFolder } from '../own-folder.ts'

/** No link of an upload lives longer. */
const LINK_MS = 24 * 60 * 60 * 1000

/** Where programs of a person keep what they need again (XDG Base Directory Specification). */
function statePath(env: NodeJS.ProcessEnv): string {
  const { XDG_STATE_HOME: given = '' } = env
  return join(given.startsWith('/') ? given : join(homedir(), '.local', 'state'), 'entrepot', 'uploads')
}

/**
 * The links of uploads that did not come to their end, a file each, so that the same command goes on after a crash. A link is a
 * credential: nobody else may read it. Where nothing can be written, nothing is kept, and uploads work all the same.
 */
export class UnfinishedUploads implements UrlStorage {
  readonly #folder: string

  constructor(folder = statePath(process.env)) {
    this.#folder = folder
  }

  async findUploadsByFingerprint(fingerprint: string): Promise<PreviousUpload[]> {
    try {
      const upload = JSON.parse(await readFile(this.#pathOf(fingerprint), 'utf8'))
      return isKept(upload) ? [{ ...upload, urlStorageKey: fingerprint }] : []
    } catch {
      return []
    }
  }

  async addUpload(fingerprint: string, upload: PreviousUpload): Promise<string> {
    const path = this.#pathOf(fingerprint)
    const written = `${path}.${process.pid}`
    const { uploadUrl } = upload
    try {
      makeOwnFolder(this.#folder)
      await writeFile(written, JSON.stringify({ uploadUrl, creationTime: new Date().toISOString() }), {
        mode: 0o600,
      })
      await rename(written, path)
    } catch {
      await rm(written, { force: true }).catch(() => undefined)
    }
    return fingerprint
  }

  async removeUpload(fingerprint: string): Promise<void> {
    await rm(this.#pathOf(fingerprint), { force: true }).catch(() => undefined)
  }

  /** Nobody asks for it. */
  async findAllUploads(): Promise<PreviousUpload[]> {
    return []
  }

  /** Forgets links whose time is over. */
  async dropStale(): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const path = join(this.#folder, name)
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }))
      if (Date.now() - mtimeMs > LINK_MS) await rm(path, { force: true }).catch(() => undefined)
    }
  }

  #pathOf(fingerprint: string): string {
    return join(this.#folder, `${fingerprint}.json`)
  }
}

function isKept(upload: unknown): upload is PreviousUpload {
  const { uploadUrl, creationTime } = (upload ?? {}) as Partial<PreviousUpload>
  return typeof uploadUrl === 'string' && Date.now() - Date.parse(String(creationTime)) < LINK_MS
}

/*
 * What goes on after a reload: the link of each upload that is not over, in the browser's local storage. A link lets whoever has it
 * add bytes to that one file, and nothing else, for a day.
 */
import type { PreviousUpload, UrlStorage } from 'tus-js-client'
import { identityOf, type Source } from './upload.ts'

/** As long as a link lives. */
const LIFE_MS = 24 * 60 * 60 * 1000
/** Of this console: others may be on the same origin, behind other prefixes. */
const PREFIX = `entrepot upload ${new URL(document.baseURI).pathname} `

interface Kept {
  readonly source: Source
  readonly link: string
  /** Milliseconds since the epoch. */
  readonly begunAt: number
}

/** Where the library that speaks tus keeps and finds the link of one upload. */
export function storageOf(source: Source): UrlStorage {
  const key = PREFIX + identityOf(source)
  const find = async () => {
    const kept = read(key)
    return kept === undefined ? [] : [previousOf(key, kept)]
  }
  return {
    findAllUploads: find,
    findUploadsByFingerprint: find,
    async removeUpload() {
      remove(key)
    },
    async addUpload(_fingerprint, { uploadUrl }) {
      if (uploadUrl !== null) write(key, { source, link: uploadUrl, begunAt: Date.now() })
      return key
    },
  }
}

/** The uploads that were under way when the page ended, of any project. */
export function interruptedUploads(): readonly Source[] {
  return keys().flatMap((key) => read(key)?.source ?? [])
}

/** Ends an upload on the server, as far as its link is known, and forgets it. @throws Error if the server cannot be reached */
export async function discard(source: Source): Promise<void> {
  const key = PREFIX + identityOf(source)
  const link = read(key)?.link
  if (link !== undefined) await fetch(link, { method: 'DELETE', headers: { 'tus-resumable': '1.0.0' } })
  remove(key)
}

function previousOf(urlStorageKey: string, { source, link, begunAt }: Kept): PreviousUpload {
  return {
    size: source.sizeBytes,
    metadata: {},
    creationTime: new Date(begunAt).toISOString(),
    urlStorageKey,
    uploadUrl: link,
    parallelUploadUrls: null,
  }
}

function read(key: string): Kept | undefined {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? '') as Kept
    if (kept.begunAt > Date.now() - LIFE_MS) return kept
    localStorage.removeItem(key)
  } catch {
    // There is none, or the browser gives pages no storage.
  }
  return undefined
}

/** Without room, or where the browser gives pages no storage, an upload does not outlive its page. */
function write(key: string, kept: Kept): void {
  try {
    localStorage.setItem(key, JSON.stringify(kept))
  } catch {}
}

function remove(key: string): void {
  try {
    localStorage.removeItem(key)
  } catch {}
}

function keys(): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX))
  } catch {
    return []
  }
}

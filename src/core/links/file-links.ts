import { randomUUID } from 'node:crypto'
import type { Caller } from '../caller.ts'
import { ServiceError, unlessConflict } from '../errors.ts'
import { type FileId, uuidForm } from '../file-id.ts'
import type { FileRecord } from '../files/file.ts'
import { readStoredFile } from '../files/read-file.ts'
import { SECOND_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import { ownDownloadLink } from './link.ts'

/** A download link that has a row, so that it is listed and can be ended before its time. */
export interface FileLink {
  /** UUID. */
  readonly id: string
  readonly fileId: FileId
  /** The subject that made it. */
  readonly createdBy: string
  readonly createdAt: number
  readonly expiresAt: number
}

/** As it is told to those who may read the file. */
export interface ToldLink extends FileLink {
  readonly url: string
}

export const MIN_LINK_SECONDS = 60
/** Seven days: the longest life of a signed URL anywhere in this service, and in S3. */
export const MAX_LINK_SECONDS = 604_800
/** That are good at a time. */
export const MAX_LINKS_PER_FILE = 100

/**
 * A URL that lets its holder download a stored file without a key, for the seconds told, at most until the file ends. This server
 * serves it, never the store of the bytes, and looks for its row on every use. It outlives the key that made it.
 * @param seconds `MIN_LINK_SECONDS` to `MAX_LINK_SECONDS`
 * @throws ServiceError `file-not-found`, `links-too-many`
 */
export async function createLink(
  services: Services,
  caller: Caller,
  idText: string,
  seconds: number,
): Promise<ToldLink> {
  const file = await readStoredFile(services, caller, idText)
  const createdAt = services.clock.now()
  const end = createdAt + seconds * SECOND_MS
  const link: FileLink = {
    id: randomUUID(),
    fileId: file.id,
    createdBy: caller.subject.id,
    createdAt,
    expiresAt: Math.min(end, file.expiresAt ?? end),
  }
  const change = { kind: 'link.insert', link, maxPerFile: MAX_LINKS_PER_FILE } as const
  const made = await unlessConflict(services.metadata.commit([change]).then(() => link))
  if (made !== undefined) return toldLink(services, file, made)
  // Unless it has ended meanwhile.
  await readStoredFile(services, caller, idText)
  throw new ServiceError(
    'links-too-many',
    `This file has ${MAX_LINKS_PER_FILE} links, which is as many as a file may have; end one first.`,
  )
}

/** The links of a file that are good now, newest first. @throws ServiceError `file-not-found` */
export async function listLinks(
  services: Services,
  caller: Caller,
  idText: string,
): Promise<readonly ToldLink[]> {
  const file = await readStoredFile(services, caller, idText)
  const links = await services.metadata.listLinks(file.id, services.clock.now())
  return links.map((link) => toldLink(services, file, link))
}

/** Every server refuses the link from now on. @throws ServiceError `file-not-found`; `link-not-found`, also the second time */
export async function endLink(
  services: Services,
  caller: Caller,
  idText: string,
  linkId: string,
): Promise<void> {
  const { id: fileId } = await readStoredFile(services, caller, idText)
  const id = uuidForm.parse(linkId)
  const change = id && ({ kind: 'link.delete', id, fileId } as const)
  const ended = change && (await unlessConflict(services.metadata.commit([change]).then(() => true)))
  if (!ended) throw new ServiceError('link-not-found', 'This file has no link with this ID.', { id: linkId })
}

function toldLink(services: Services, file: FileRecord, { id, ...link }: FileLink): ToldLink {
  const claim = { method: 'GET', expiresAt: link.expiresAt, serves: 'inert', rowId: id } as const
  // The end of the file may have come nearer since.
  const expiresAt = Math.min(link.expiresAt, file.expiresAt ?? link.expiresAt)
  return { ...link, id, expiresAt, url: ownDownloadLink(services, file, claim) }
}

import type { ExpiryRule } from '../../core/files/create-file.ts'
import type { ExpiryChange } from '../../core/files/expiry.ts'
import type { UpdateFile } from '../../core/files/update-file.ts'
import type { FileCursor } from '../../core/ports/metadata-store.ts'
import { type ExpirationConfig, ExpirationConfig_ExpirationPolicy as Policy } from './gen/expiration_pb.js'
import type { CreateFileRequest, ListFilesRequest, UpdateFileRequest } from './gen/files_pb.js'
import { pageLimit, parsePageToken } from './paging.ts'
import type { YandexSettings } from './settings.ts'
import { checkLabels, checkMimeType, checkText, invalid, quote, type Refuse, reading } from './violations.ts'

/** In the core's words what the vendor names STATIC and SINCE_LAST_ACTIVE. */
type TtlPolicy = Exclude<YandexSettings['defaultPolicy'], 'never'>

const REQUIRED = 'field is required'

/** What a Create says about its file, the bytes aside. */
export interface CreateRequest {
  readonly folder: string
  readonly name: string
  readonly description: string
  /** Undefined: to be seen from the content. */
  readonly mimeType: string | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly expiry: ExpiryRule
}

/** @throws InvalidArgument telling everything that is wrong */
export function readCreateRequest(request: CreateFileRequest, settings: YandexSettings): CreateRequest {
  const { folderId, name, description, mimeType, labels, expirationConfig: config } = request
  return reading((refuse) => {
    if (folderId === '') refuse('folder_id', REQUIRED)
    checkText('name', name, refuse)
    checkText('description', description, refuse)
    checkMimeType(mimeType, refuse)
    checkLabels(labels, refuse)
    const isUnset = config === undefined || (config.expirationPolicy === 0 && config.ttlDays === 0n)
    const expiry: ExpiryRule =
      isUnset && settings.defaultPolicy === 'never'
        ? { policy: 'never' }
        : { policy: policyOf(config, settings, refuse), ttlDays: daysOf(config, settings, refuse) }
    return { folder: folderId, name, description, mimeType: mimeType || undefined, labels, expiry }
  })
}

/** What an update may name. The bytes of a file and their type never change. */
export const updatablePaths = [
  'name',
  'description',
  'labels',
  'expiration_config',
  'expiration_config.expiration_policy',
  'expiration_config.ttl_days',
] as const
type UpdatablePath = (typeof updatablePaths)[number]

export interface UpdateRequest {
  readonly fileId: string
  readonly change: UpdateFile
}

/**
 * Fields outside the mask are ignored, whatever the request says of them; those of the expiration that it names and the
 * request does not give get their defaults.
 * @throws InvalidArgument
 */
export function readUpdateRequest(request: UpdateFileRequest, settings: YandexSettings): UpdateRequest {
  const { fileId, updateMask, name, description, labels, expirationConfig } = request
  return reading((refuse) => {
    if (fileId === '') refuse('file_id', REQUIRED)
    const named = readFieldMask(updateMask?.paths ?? [], refuse)
    if (named.has('name')) checkText('name', name, refuse)
    if (named.has('description')) checkText('description', description, refuse)
    if (named.has('labels')) checkLabels(labels, refuse)
    const whole = named.has('expiration_config')
    const expiry: ExpiryChange = {
      ...(whole || named.has('expiration_config.expiration_policy')
        ? { policy: policyOf(expirationConfig, settings, refuse) }
        : {}),
      ...(whole || named.has('expiration_config.ttl_days')
        ? { ttlDays: daysOf(expirationConfig, settings, refuse) }
        : {}),
      defaultTtlDays: settings.defaultTtlDays,
    }
    const change = {
      ...(named.has('name') ? { name } : {}),
      ...(named.has('description') ? { description } : {}),
      ...(named.has('labels') ? { labels } : {}),
      ...('policy' in expiry || 'ttlDays' in expiry ? { expiry } : {}),
    }
    return { fileId, change }
  })
}

/**
 * The fields that an update names, in either spelling (`ttl_days`, `ttlDays`). An update that names none is refused: what
 * it is meant to change cannot be told.
 */
function readFieldMask(paths: readonly string[], refuse: Refuse): ReadonlySet<UpdatablePath> {
  const field = 'update_mask'
  const named = new Set<UpdatablePath>()
  if (paths.length === 0) refuse(field, REQUIRED)
  for (const path of paths) {
    const snake = path.trim().replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const known = updatablePaths.find((updatable) => updatable === snake)
    if (known === undefined) {
      refuse(field, `unknown path ${quote(path)}`)
      break
    }
    named.add(known)
  }
  return named
}

function policyOf(
  config: ExpirationConfig | undefined,
  { defaultPolicy }: YandexSettings,
  refuse: Refuse,
): TtlPolicy {
  const policy: number = config?.expirationPolicy ?? 0
  if (policy === Policy.STATIC) return 'since-created'
  if (policy === Policy.SINCE_LAST_ACTIVE) return 'since-last-active'
  if (policy !== Policy.EXPIRATION_POLICY_UNSPECIFIED)
    refuse('expiration_config.expiration_policy', `there is no policy ${policy}`)
  return defaultPolicy === 'since-created' ? 'since-created' : 'since-last-active'
}

function daysOf(
  config: ExpirationConfig | undefined,
  { defaultTtlDays, maxTtlDays }: YandexSettings,
  refuse: Refuse,
): number {
  const days = config?.ttlDays ?? 0n
  if (days === 0n) return defaultTtlDays
  if (days < 1n || days > BigInt(maxTtlDays))
    refuse('expiration_config.ttl_days', `must be from 1 to ${maxTtlDays}`)
  return Number(days)
}

export interface ListRequest {
  readonly folder: string
  readonly limit: number
  readonly after: FileCursor | undefined
}

/** @throws InvalidArgument */
export function readListRequest({ folderId, pageSize, pageToken }: ListFilesRequest): ListRequest {
  return reading((refuse) => {
    if (folderId === '') refuse('folder_id', REQUIRED)
    if (pageSize < 0n) refuse('page_size', 'must not be negative')
    const after = pageToken === '' ? undefined : parsePageToken(pageToken)
    if (pageToken !== '' && after === undefined) refuse('page_token', 'malformed')
    return { folder: folderId, limit: pageLimit(pageSize), after }
  })
}

/** @throws InvalidArgument if it is empty */
export function readFileId({ fileId }: { readonly fileId: string }): string {
  if (fileId === '') throw invalid('file_id', REQUIRED)
  return fileId
}

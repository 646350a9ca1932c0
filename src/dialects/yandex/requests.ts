import type { ExpiryRule } from '../../core/files/expiry.ts'
import type { UpdateFile } from '../../core/files/update-file.ts'
import type { FileCursor } from '../../core/ports/metadata-store.ts'
import { toExpiryChange, toExpiryRule } from './expiration.ts'
import { readFieldMask } from './field-mask.ts'
import type { CreateFileRequest, ListFilesRequest, UpdateFileRequest } from './gen/files_pb.js'
import { pageLimit, parsePageToken } from './paging.ts'
import type { YandexSettings } from './settings.ts'
import { checkDescription, checkLabels, checkMimeType, checkName } from './text-limits.ts'
import { Violations } from './violations.ts'

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
  const violations = new Violations()
  const { folderId, name, description, mimeType, labels } = request
  if (folderId === '') violations.missing('folder_id')
  checkName(name, violations)
  checkDescription(description, violations)
  checkMimeType(mimeType, violations)
  checkLabels(labels, violations)
  const expiry = toExpiryRule(request.expirationConfig, settings, violations)
  violations.settle()
  return { folder: folderId, name, description, mimeType: mimeType || undefined, labels, expiry }
}

export interface UpdateRequest {
  readonly fileId: string
  readonly change: UpdateFile
}

/** Fields outside the mask are ignored, whatever the request says of them. @throws InvalidArgument */
export function readUpdateRequest(request: UpdateFileRequest, settings: YandexSettings): UpdateRequest {
  const violations = new Violations()
  const { fileId, updateMask, name, description, labels, expirationConfig } = request
  if (fileId === '') violations.missing('file_id')
  const named = readFieldMask(updateMask?.paths, violations)
  if (named.has('name')) checkName(name, violations)
  if (named.has('description')) checkDescription(description, violations)
  if (named.has('labels')) checkLabels(labels, violations)
  const whole = named.has('expiration_config')
  const parts = {
    policy: whole || named.has('expiration_config.expiration_policy'),
    ttlDays: whole || named.has('expiration_config.ttl_days'),
  }
  const expiry =
    parts.policy || parts.ttlDays
      ? { expiry: toExpiryChange(expirationConfig, parts, settings, violations) }
      : {}
  violations.settle()
  const change = {
    ...(named.has('name') ? { name } : {}),
    ...(named.has('description') ? { description } : {}),
    ...(named.has('labels') ? { labels } : {}),
    ...expiry,
  }
  return { fileId, change }
}

export interface ListRequest {
  readonly folder: string
  readonly limit: number
  readonly after: FileCursor | undefined
}

/** @throws InvalidArgument */
export function readListRequest({ folderId, pageSize, pageToken }: ListFilesRequest): ListRequest {
  const violations = new Violations()
  if (folderId === '') violations.missing('folder_id')
  const limit = pageLimit(pageSize) ?? violations.add('page_size', 'must not be negative')
  const after = pageToken === '' ? undefined : parsePageToken(pageToken)
  if (pageToken !== '' && after === undefined) violations.add('page_token', 'malformed')
  violations.settle()
  return { folder: folderId, limit: limit ?? 0, after }
}

/** @throws InvalidArgument if it is empty */
export function readFileId({ fileId }: { readonly fileId: string }): string {
  const violations = new Violations()
  if (fileId === '') violations.missing('file_id')
  violations.settle()
  return fileId
}

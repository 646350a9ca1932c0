import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { ExpiryRule } from '../../core/files/create-file.ts'
import type { ExpiryChange } from '../../core/files/expiry.ts'
import type { ExpiryPolicy, FileRecord } from '../../core/files/file.ts'
import { faultOf, MAX_LABELS, type TextRule, textRules } from '../../core/files/text-rules.ts'
import type { UpdateFile } from '../../core/files/update-file.ts'
import { DAY_MS } from '../../core/ports/clock.ts'
import {
  type ExpirationConfig,
  type ExpirationConfigSchema,
  ExpirationConfig_ExpirationPolicy as Policy,
} from './gen/expiration_pb.js'
import { type CreateFileRequest, type File, FileSchema, type UpdateFileRequest } from './gen/files_pb.js'
import { fileIds } from './ids.ts'
import type { YandexSettings } from './settings.ts'
import { InvalidArgument, invalid, quote, REQUIRED, type Violation } from './violations.ts'

// What the vendor's messages say in the core's terms, and back.

/** In the core's words what the vendor names STATIC and SINCE_LAST_ACTIVE. */
type TtlPolicy = Exclude<YandexSettings['defaultPolicy'], 'never'>

/** Notes one thing that is wrong. */
type Refuse = (field: string, description: string) => void

/** Reads a request to its end. @throws InvalidArgument with all that is wrong with it */
export function reading<T>(read: (refuse: Refuse) => T): T {
  const violations: Violation[] = []
  const found = read((field, description) => void violations.push({ field, description }))
  if (violations.length > 0) throw new InvalidArgument(violations)
  return found
}

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

/** @throws InvalidArgument if it is empty */
export function readFileId({ fileId }: { readonly fileId: string }): string {
  if (fileId === '') throw invalid('file_id', REQUIRED)
  return fileId
}

const MAX_MIME_TYPE_CHARACTERS = 255
/** `type/subtype` (RFC 9110, 8.3.1), with parameters in printable ASCII if any. */
const MIME_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *;([\u0020-\u007e]*[\u0021-\u007e])?)?$/

/**
 * The common rules as JSON Schema says them; that knows characters alone, of which one may have up to four bytes. They are far
 * above what the vendor's general pages say, since its own users exceed those.
 */
export const textSchemas = {
  name: textSchema(textRules.name),
  description: textSchema(textRules.description),
  mimeType: { type: 'string', maxLength: MAX_MIME_TYPE_CHARACTERS, pattern: `^$|${MIME_TYPE.source}` },
  labels: {
    type: 'object',
    maxProperties: MAX_LABELS,
    propertyNames: {
      minLength: 1,
      maxLength: textRules.labelKey.maxBytes,
      pattern: without(textRules.labelKey.forbidden),
    },
    additionalProperties: textSchema(textRules.labelValue),
  },
} as const

function textSchema({ maxBytes, forbidden }: TextRule) {
  const description = `At most ${maxBytes} bytes of UTF-8.`
  return { type: 'string', maxLength: maxBytes, pattern: without(forbidden), description } as const
}

function without(forbidden: RegExp): string {
  return `^${forbidden.source.replace('[', '[^')}*$`
}

/** Notes what is wrong with the text. */
function checkText(field: 'name' | 'description', text: string, refuse: Refuse): void {
  check(field, text, textRules[field], refuse)
}

function checkMimeType(mimeType: string, refuse: Refuse): void {
  const field = 'mime_type'
  if (mimeType.length > MAX_MIME_TYPE_CHARACTERS)
    refuse(field, `must have at most ${MAX_MIME_TYPE_CHARACTERS} characters`)
  else if (mimeType !== '' && !MIME_TYPE.test(mimeType))
    refuse(field, `"${quote(mimeType)}" is not of the form type/subtype`)
}

function checkLabels(labels: Readonly<Record<string, string>>, refuse: Refuse): void {
  const field = 'labels'
  const entries = Object.entries(labels)
  if (entries.length > MAX_LABELS) {
    refuse(field, `there are ${entries.length} labels, the maximum is ${MAX_LABELS}`)
    return
  }
  for (const [key, value] of entries) {
    if (key === '') refuse(field, 'a key is empty')
    else check(field, key, textRules.labelKey, refuse, 'a key ')
    check(`labels.${quote(key)}`, value, textRules.labelValue, refuse)
  }
}

function check(field: string, text: string, rule: TextRule, refuse: Refuse, subject = ''): void {
  const fault = faultOf(text, rule)
  if (fault !== undefined) refuse(field, subject + fault)
}

/** A record as this vendor shows it. Texts that were never set stay empty: its SDKs tell them apart from given ones. */
export function toFile(file: FileRecord): File {
  const { expiresAt } = file
  return create(FileSchema, {
    id: fileIds.print(file.id),
    folderId: file.projectId,
    name: file.name,
    description: file.description,
    mimeType: file.mimeType,
    createdBy: file.createdBy,
    createdAt: timestampFromMs(file.createdAt),
    updatedBy: file.updatedBy,
    updatedAt: timestampFromMs(file.updatedAt),
    expirationConfig: toExpirationConfig(file),
    ...(expiresAt === null ? {} : { expiresAt: timestampFromMs(expiresAt) }),
    labels: { ...file.labels },
  })
}

/** The vendor has two policies; SDKs refuse a file that has neither. What ends never or at an instant is static. */
const wirePolicies = {
  never: Policy.STATIC,
  at: Policy.STATIC,
  'since-created': Policy.STATIC,
  'since-last-active': Policy.SINCE_LAST_ACTIVE,
} as const satisfies Record<ExpiryPolicy, Policy>

function toExpirationConfig(file: FileRecord): MessageInitShape<typeof ExpirationConfigSchema> {
  return { expirationPolicy: wirePolicies[file.expiryPolicy], ttlDays: BigInt(wireDays(file)) }
}

/** An instant counts in days from the creation, rounded up, and at least one: 0 is for a file that never ends. */
function wireDays({ expiryPolicy, expiresAt, createdAt, ttlDays }: FileRecord): number {
  if (expiryPolicy !== 'at' || expiresAt === null) return ttlDays
  return Math.max(1, Math.ceil((expiresAt - createdAt) / DAY_MS))
}

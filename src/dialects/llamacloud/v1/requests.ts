import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../../core/errors.ts'
import type { ExpiryRule } from '../../../core/files/expiry.ts'
import { checkName } from '../../../core/files/text-rules.ts'
import { HOUR_MS } from '../../../core/ports/clock.ts'
import { Fields } from '../fields.ts'
import { type Location, Problems } from '../problems.ts'
import { type RequestedScope, readUrlSeconds, scopeOf } from '../requests.ts'
import { checkNameLength } from '../upload.ts'
import { baseName } from '../wire.ts'
import { readRequestHeaders } from './request-headers.ts'

type Values = Readonly<Record<string, unknown>>

export const storageTypes = ['ephemeral', 'permanent'] as const
type StorageType = (typeof storageTypes)[number]

/** The vendor's documentation, of files that it keeps for a while. */
const EPHEMERAL_HOURS = 48

/** A file that will be uploaded to a URL. */
export interface RequestedUpload {
  readonly scope: RequestedScope
  readonly name: string
  readonly externalId: string | null
  /** Undefined: not known. */
  readonly sizeBytes: number | undefined
  readonly storageType: StorageType | undefined
  readonly urlSeconds: number
}

/** @throws InvalidRequest; ServiceError `field-invalid` */
export function readPresignRequest({ query, body }: FastifyRequest): RequestedUpload {
  const problems = new Problems()
  const inQuery = new Fields(query as Values, ['query'], problems)
  const fields = bodyFields(body, problems)
  const name = readName(fields.required('name'), problems)
  const found = {
    scope: scopeOf(inQuery),
    urlSeconds: readUrlSeconds(inQuery),
    name,
    externalId: readExternalId(fields, ['body'], problems),
    sizeBytes: fields.integerIn('file_size', 0),
    storageType: fields.oneOf('storage_type', storageTypes),
  }
  fields.object('resource_info')
  fields.object('permission_info')
  fields.text('data_source_id')
  problems.settle()
  checkName('name', name)
  return found
}

/** What the query of an upload says of its file. Notes what is wrong. */
export function readUploadQuery(
  { query }: FastifyRequest,
  problems: Problems,
): Pick<RequestedUpload, 'externalId' | 'storageType'> {
  const fields = new Fields(query as Values, ['query'], problems)
  return {
    externalId: readExternalId(fields, ['query'], problems),
    storageType: fields.oneOf('storage_type', storageTypes),
  }
}

/** By default a file stays. */
export function expiryOf(storageType: StorageType | undefined, now: number): ExpiryRule {
  return storageType === 'ephemeral'
    ? { policy: 'at', at: now + EPHEMERAL_HOURS * HOUR_MS }
    : { policy: 'never' }
}

export function bodyFields(body: unknown, problems: Problems): Fields {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  if (!isObject) {
    const msg = 'Input should be a valid dictionary or object to extract fields from'
    problems.add({ type: 'model_attributes_type', loc: ['body'], msg, input: body })
  }
  return new Fields(isObject ? (body as Values) : {}, ['body'], problems)
}

/** SDKs send paths; a file has a name. */
export function readName(text: string, problems: Problems): string {
  const name = baseName(text)
  if (name === '' && text !== '') problems.missing(['body', 'name'])
  checkNameLength(name, ['body', 'name'], problems)
  return name
}

export function readExternalId(fields: Fields, place: Location, problems: Problems): string | null {
  const externalId = fields.text('external_file_id') ?? null
  problems.notNul([...place, 'external_file_id'], externalId)
  return externalId
}

/** A file that the server is to fetch. */
export interface RequestedFetch {
  readonly scope: RequestedScope
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly followRedirects: boolean
  /** Undefined: whatever the source calls it. */
  readonly name: string | undefined
  readonly externalId: string | null
  readonly storageType: StorageType | undefined
}

/** @throws InvalidRequest; ServiceError `field-invalid`, `rule-violated` for what would weaken the fetch */
export function readFetchRequest({ query, body }: FastifyRequest): RequestedFetch {
  const problems = new Problems()
  const fields = bodyFields(body, problems)
  const name = fields.text('name')
  const found = {
    scope: scopeOf(new Fields(query as Values, ['query'], problems)),
    url: fields.url('url'),
    headers: readRequestHeaders(fields.object('request_headers'), problems),
    followRedirects: fields.boolean('follow_redirects') ?? true,
    name: name === undefined ? undefined : readName(name, problems),
    externalId: readExternalId(fields, ['body'], problems),
    storageType: fields.oneOf('storage_type', storageTypes),
  }
  fields.object('resource_info')
  const proxyUrl = fields.text('proxy_url')
  const verifiesSsl = fields.boolean('verify_ssl') ?? true
  problems.settle()
  if (found.name !== undefined) checkName('name', found.name)
  if (proxyUrl !== undefined) throw new ServiceError('rule-violated', 'proxy_url is not supported')
  if (!verifiesSsl) throw new ServiceError('rule-violated', 'verify_ssl cannot be switched off')
  return found
}

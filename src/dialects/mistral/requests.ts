import type { FastifyRequest } from 'fastify'
import type { FileId, ParseFileId } from '../../core/file-id.ts'
import type { ExpiryRule } from '../../core/files/create-file.ts'
import { faultOf, textRules } from '../../core/files/text-rules.ts'
import { HOUR_MS, SECOND_MS } from '../../core/ports/clock.ts'
import type { FileFilter } from '../../core/ports/metadata-store.ts'
import { Fields, type Problems, reading } from '../../http/fields.ts'
import { filterOf, sampleTypes } from './purposes.ts'
import type { MistralSettings } from './settings.ts'

/** Bounds of a signed URL's life, and what it is unless the request says otherwise. */
export const MAX_URL_HOURS = 168
export const DEFAULT_URL_HOURS = 24
export const DEFAULT_PAGE = 100
/** So that a page's offset is an integer that every number holds exactly. */
export const MAX_PAGE_NUMBER = 2 ** 31 - 1
export const MAX_EXPIRY = 876_000
/** Of one filter. */
export const MAX_WORDS = 100

export const visibilities = ['workspace', 'user'] as const
export const sources = ['upload', 'repository', 'mistral'] as const
/** Every file here was uploaded. */
export const SOURCE = 'upload' satisfies (typeof sources)[number]

/** What the query of a list may name. */
export const listParameters: readonly string[] = [
  'page',
  'page_size',
  'include_total',
  'sample_type',
  'source',
  'search',
  'mimetypes',
]

/** @throws InvalidRequest */
export function readFileRequest({ params }: FastifyRequest, parseFileId: ParseFileId): FileId {
  return reading((problems) => fileIdIn(params, parseFileId, problems))
}

/** @throws InvalidRequest */
export function readUrlRequest({ params, query }: FastifyRequest, parseFileId: ParseFileId) {
  return reading((problems) => {
    const id = fileIdIn(params, parseFileId, problems)
    const hours = Fields.of(query, ['query'], problems).integer('expiry', 1, MAX_URL_HOURS)
    return { id, hours: hours ?? DEFAULT_URL_HOURS }
  })
}

function fileIdIn(params: unknown, parseFileId: ParseFileId, problems: Problems): FileId {
  return Fields.of(params, ['path'], problems).fileId('file_id', parseFileId) as FileId
}

export type RequestedPage = ReturnType<typeof readListRequest>

/** @returns `filter` undefined if no file can match. @throws InvalidRequest */
export function readListRequest({ query }: FastifyRequest, { maxPageSize }: MistralSettings) {
  return reading((problems) => {
    const fields = Fields.of(query, ['query'], problems)
    const page = fields.integer('page', 0, MAX_PAGE_NUMBER) ?? 0
    const limit = fields.integer('page_size', 1, maxPageSize) ?? Math.min(DEFAULT_PAGE, maxPageSize)
    const withTotal = fields.flag('include_total') ?? true
    return { offset: page * limit, limit, withTotal, filter: filterIn(fields, problems) }
  })
}

function filterIn(
  fields: Fields,
  problems: Problems,
): Pick<FileFilter, 'purpose' | 'mimeTypes' | 'nameContains'> | undefined {
  const samples = wordsIn(fields, 'sample_type', sampleTypes, problems)
  const asked = wordsIn(fields, 'source', sources, problems)
  const mimeTypes = textsIn(fields, 'mimetypes', problems)
  const nameContains = fields.keptText('search')
  const purposeText = fields.keptText('purpose')
  const anyPurpose = purposeText === undefined && samples === undefined
  const purpose = anyPurpose ? undefined : filterOf(purposeText, samples)
  if ((!anyPurpose && purpose === undefined) || asked?.includes(SOURCE) === false) return undefined
  return {
    ...(purpose === undefined ? {} : { purpose }),
    ...(mimeTypes.length === 0 ? {} : { mimeTypes }),
    ...(nameContains === undefined ? {} : { nameContains }),
  }
}

/** Some of these words; undefined: the query names none. */
function wordsIn(
  fields: Fields,
  name: string,
  words: readonly string[],
  problems: Problems,
): readonly string[] | undefined {
  const given = textsIn(fields, name, problems)
  for (const [index, word] of given.entries())
    if (!words.includes(word)) problems.notOneOf(['query', name, index], words, word)
  return given.length === 0 ? undefined : given
}

function textsIn(fields: Fields, name: string, problems: Problems): readonly string[] {
  const texts = fields.texts(name)
  for (const [index, text] of texts.entries()) problems.notNul(['query', name, index], text)
  if (texts.length <= MAX_WORDS) return texts
  const msg = `List should have at most ${MAX_WORDS} items after validation`
  problems.add(['query', name], 'too_long', msg, { ctx: { max_length: MAX_WORDS } })
  return []
}

/** What the text parts of an upload say. `purpose` undefined: it names none. */
export function readUploadFields(
  parts: ReadonlyMap<string, string>,
  { expiryUnitSeconds, retentionHours }: MistralSettings,
  problems: Problems,
) {
  const fields = Fields.of(Object.fromEntries(parts), ['body'], problems)
  const purpose = fields.text('purpose')
  const fault = purpose === undefined ? undefined : faultOf(purpose, textRules.purpose)
  if (fault !== undefined) problems.add(['body', 'purpose'], 'value_error', `Value error, purpose ${fault}`)
  const units = fields.integer('expiry', 1, MAX_EXPIRY)
  const lifeMs = units === undefined ? (retentionHours ?? 0) * HOUR_MS : units * expiryUnitSeconds * SECOND_MS
  const expiry: ExpiryRule = lifeMs === 0 ? { policy: 'never' } : { policy: 'at', afterMs: lifeMs }
  return { purpose, expiry, visibility: fields.oneOf('visibility', visibilities) }
}

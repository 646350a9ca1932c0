import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../../core/errors.ts'
import { checkName } from '../../../core/files/text-rules.ts'
import { Fields, type Problems, reading } from '../../../http/fields.ts'
import { baseName } from '../../../http/form-upload.ts'
import { checkNameLength, externalIdIn, scopeIn } from '../fields.ts'
import { readUrlSeconds } from '../requests.ts'
import { readRequestHeaders } from './request-headers.ts'
import { storageTypes } from './wire.ts'

/** A file that will be uploaded to a URL. @throws InvalidRequest; ServiceError `field-invalid` */
export function readPresignRequest({ query, body }: FastifyRequest) {
  const found = reading((problems) => {
    const inQuery = Fields.of(query, ['query'], problems)
    const fields = Fields.of(body, ['body'], problems)
    const name = readName(fields.required('name'), problems)
    const scope = scopeIn(inQuery)
    const urlSeconds = readUrlSeconds(inQuery)
    const externalId = externalIdIn(fields)
    const sizeBytes = fields.integer('file_size', 0)
    const storageType = fields.oneOf('storage_type', storageTypes)
    fields.object('resource_info')
    fields.object('permission_info')
    fields.text('data_source_id')
    return { scope, name, externalId, sizeBytes, storageType, urlSeconds }
  })
  checkName('name', found.name)
  return found
}

export type RequestedFetch = ReturnType<typeof readFetchRequest>

/**
 * A file that the server is to fetch; without `name` it is called as the source calls it.
 * @throws InvalidRequest; ServiceError `field-invalid`, `rule-violated` for what would weaken the fetch
 */
export function readFetchRequest({ query, body }: FastifyRequest) {
  const { proxyUrl, verifiesSsl, ...found } = reading((problems) => {
    const fields = Fields.of(body, ['body'], problems)
    const name = fields.text('name')
    const scope = scopeIn(Fields.of(query, ['query'], problems))
    const told = {
      scope,
      url: readUrl(fields, problems),
      headers: readRequestHeaders(fields.object('request_headers'), problems),
      followRedirects: fields.boolean('follow_redirects') ?? true,
      name: name === undefined ? undefined : readName(name, problems),
      externalId: externalIdIn(fields),
      storageType: fields.oneOf('storage_type', storageTypes),
    }
    fields.object('resource_info')
    const proxyUrl = fields.text('proxy_url')
    return { ...told, proxyUrl, verifiesSsl: fields.boolean('verify_ssl') ?? true }
  })
  if (found.name !== undefined) checkName('name', found.name)
  if (proxyUrl !== undefined) throw new ServiceError('rule-violated', 'proxy_url is not supported')
  if (!verifiesSsl) throw new ServiceError('rule-violated', 'verify_ssl cannot be switched off')
  return found
}

function readUrl(fields: Fields, problems: Problems): string {
  const url = fields.required('url')
  if (url !== '' && !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    problems.add(['body', 'url'], 'url_parsing', 'Input should be a valid URL of https or http', {
      input: url,
    })
  return url
}

/** SDKs send paths; a file has a name. */
function readName(text: string, problems: Problems): string {
  const name = baseName(text)
  if (name === '' && text !== '') problems.missing(['body', 'name'])
  checkNameLength(problems, ['body', 'name'], name)
  return name
}

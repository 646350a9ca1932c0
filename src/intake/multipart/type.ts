import { ServiceError } from '../../core/errors.ts'
import { malformed } from './malformed.ts'
import { parseParameters, type RawParameter, trimBlanks } from './parameters.ts'
import { decodeAs } from './text.ts'

/** What the Content-Type of a form says of how to read it. */
export interface FormType {
  readonly boundary: string
  /** Of names and fields; undefined: UTF-8. It has ASCII in it. */
  readonly charset: string | undefined
  /** Whether `%22` in a name is a quote: browsers and undici write one so. So do requests, httpx and curl, but their boundaries do not show it. */
  readonly escapesQuotes: boolean
}

/**
 * RFC 2046 has 1 to 70 characters of fewer kinds; python-multipart takes up to 256 of any. Printable ASCII, the last no
 * space; without what needs a backslash between quotes.
 */
const legalBoundary = /^[ !#-[\]-~]{0,255}[!#-[\]-~]$/
/** Chromium and WebKit; Firefox, up to 2024 and since; undici, which is Node's `fetch`. */
const browserBoundary =
  /^(?:----WebKitFormBoundary[0-9A-Za-z]{16}|-{27}\d{12,30}|----geckoformboundary[0-9a-f]+|----formdata-undici-\d+)$/

/**
 * @throws ServiceError `body-type-unsupported` unless it is multipart/form-data; `request-malformed` when the
 * boundary is missing, repeated or not legal
 */
export function parseFormType(contentType: string | undefined): FormType {
  const [type = ''] = (contentType ?? '').split(';', 1)
  if (contentType === undefined || trimBlanks(type).toLowerCase() !== 'multipart/form-data') {
    throw new ServiceError('body-type-unsupported', 'Expected multipart/form-data')
  }
  const parameters = parseParameters(contentType.slice(type.length), 'boundary')
  const boundary = parameters.get('boundary')?.text
  if (boundary === undefined) throw malformed('The Content-Type names no boundary')
  if (!legalBoundary.test(boundary)) throw malformed('The boundary in the Content-Type is not legal')
  return {
    boundary,
    charset: charsetOf(parameters.get('charset')),
    escapesQuotes: browserBoundary.test(boundary),
  }
}

/** An unknown one is ignored, and so is UTF-16: no header of a part could be read by it. */
function charsetOf(parameter: RawParameter | undefined): string | undefined {
  if (parameter === undefined || /^utf-?8$/i.test(parameter.text)) return undefined
  return decodeAs(parameter.text, Buffer.from('a')) === 'a' ? parameter.text : undefined
}

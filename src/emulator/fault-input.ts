import { ServiceError } from '../core/errors.ts'
import type { FaultEffect, NewFault } from './faults.ts'

const { validateHeaderName, validateHeaderValue } = process.getBuiltinModule('node:http')

const MAX_TIMES = 1_000_000
const MAX_DELAY_MS = 600_000
const MAX_ROUTE_CHARACTERS = 1024
const MAX_HEADERS = 32
const MAX_HEADER_CHARACTERS = 4096
const MAX_BODY_CHARACTERS = 65_536
/** They say where an answer ends, which the server alone knows. */
const FRAMING = ['connection', 'content-length', 'trailer', 'transfer-encoding']

type Fields = Readonly<Record<string, unknown>>

const fields: readonly (keyof NewFault)[] = [
  'route',
  'times',
  'delayMs',
  'status',
  'headers',
  'body',
  'cutAnswerAfterBytes',
  'cutRequestAfterBytes',
  'loseAnswer',
]

/** What a body asks for. @throws ServiceError `field-missing`, `field-unknown`, `field-invalid` */
export function parseFault(given: Fields): NewFault {
  const unknown = Object.keys(given).find((name) => !(fields as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw new ServiceError('field-unknown', `${unknown} is not a known field.`, { field: unknown })
  const effect: FaultEffect = {
    ...defined('delayMs', integerIn(given, 'delayMs', 0, MAX_DELAY_MS)),
    ...answerIn(given),
    ...defined('cutAnswerAfterBytes', integerIn(given, 'cutAnswerAfterBytes', 0)),
    ...defined('cutRequestAfterBytes', integerIn(given, 'cutRequestAfterBytes', 0)),
    ...(loses(given) ? { loseAnswer: true } : {}),
  }
  if (Object.keys(effect).length === 0)
    throw new ServiceError(
      'field-missing',
      'Give delayMs, status, cutAnswerAfterBytes, cutRequestAfterBytes or loseAnswer.',
      { field: 'status' },
    )
  const ends = [effect.status, effect.cutAnswerAfterBytes, effect.cutRequestAfterBytes, effect.loseAnswer]
  if (ends.filter((end) => end !== undefined).length > 1)
    throw invalid('status', 'a cut and loseAnswer exclude each other: a request ends once')
  return { route: routeIn(given), times: integerIn(given, 'times', 1, MAX_TIMES) ?? 1, ...effect }
}

function defined<Name extends string, T>(name: Name, value: T | undefined) {
  return (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: T }
}

function routeIn({ route }: Fields): string {
  if (route === undefined) throw new ServiceError('field-missing', 'route is missing.', { field: 'route' })
  const isRoute =
    typeof route === 'string' &&
    route.length <= MAX_ROUTE_CHARACTERS &&
    /^([A-Za-z]+|\*) [/*][^\s?#]*$/.test(route)
  if (!isRoute)
    throw invalid('route', 'must be a method and a path, like "POST /v1/files" or "* /v1/files/*"')
  return route
}

function answerIn(given: Fields): FaultEffect {
  const status = integerIn(given, 'status', 200, 599)
  const { body } = given
  const headers = headersIn(given)
  if (status === undefined && (headers !== undefined || body !== undefined))
    throw new ServiceError('field-missing', 'headers and body need a status.', { field: 'status' })
  if (body !== undefined && JSON.stringify(body).length > MAX_BODY_CHARACTERS)
    throw invalid('body', `must not exceed ${MAX_BODY_CHARACTERS} characters`)
  return { ...defined('status', status), ...defined('headers', headers), ...defined('body', body) }
}

function headersIn({ headers }: Fields): Readonly<Record<string, string>> | undefined {
  if (headers === undefined) return undefined
  const isObject = typeof headers === 'object' && headers !== null && !Array.isArray(headers)
  const entries = isObject ? Object.entries(headers) : []
  if (!isObject || entries.length > MAX_HEADERS)
    throw invalid('headers', `must be an object of ${MAX_HEADERS} names and values at most`)
  return Object.fromEntries(entries.map(([name, value]) => [headerName(name), headerValue(name, value)]))
}

function headerName(given: string): string {
  const name = given.toLowerCase()
  try {
    validateHeaderName(name)
  } catch {
    throw invalid('headers', 'hold a name that is no name of a header')
  }
  if (FRAMING.includes(name)) throw invalid('headers', `must not set ${name}`)
  return name
}

function headerValue(name: string, given: unknown): string {
  const value = typeof given === 'number' ? String(given) : given
  if (typeof value !== 'string' || value.length > MAX_HEADER_CHARACTERS)
    throw invalid('headers', `need a text of ${MAX_HEADER_CHARACTERS} characters at most for ${name}`)
  try {
    validateHeaderValue(name, value)
  } catch {
    throw invalid('headers', `hold characters for ${name} that no header may have`)
  }
  return value
}

function loses({ loseAnswer = false }: Fields): boolean {
  if (typeof loseAnswer !== 'boolean') throw invalid('loseAnswer', 'must be true or false')
  return loseAnswer
}

function integerIn(
  given: Fields,
  field: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const value = given[field]
  if (value === undefined) return undefined
  if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value)
  const upTo = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`
  throw invalid(field, `must be a whole number, ${upTo}`)
}

function invalid(field: string, reason: string): ServiceError {
  return new ServiceError('field-invalid', `${field} ${reason}.`, { field })
}

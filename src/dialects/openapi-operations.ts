import type { FastifySchema, RouteOptions } from 'fastify'
import { leastRole } from '../core/access/admit.ts'
import { type ErrorCode, ServiceError } from '../core/errors.ts'
import type { DialectApi } from './dialect.ts'

type Answers = Readonly<Record<string, { readonly description?: string }>>

/** Whose errors are described. */
export type Answerer = Pick<DialectApi, 'toErrorAnswer' | 'errorBody' | 'failures'> & {
  /** Media type of `errorBody`; default: `application/json`. */
  readonly errorType?: string
}

const ofAnyRequest: readonly ErrorCode[] = [
  'request-malformed',
  'transfer-coding-unsupported',
  'expectation-unsupported',
  'internal',
]
const withKey: readonly ErrorCode[] = [
  'unauthenticated',
  'rate-limited',
  'storage-unavailable',
  'storage-timeout',
]
const withBody: readonly ErrorCode[] = [
  'body-not-json',
  'body-type-unsupported',
  'body-too-large',
  'body-incomplete',
  'body-too-slow',
]
const ofChanges: readonly ErrorCode[] = ['origin-forbidden']
/** The plugin's name for what stands beside a schema and not in it. */
const DESCRIPTION = 'x-response-description'
const BODILESS = ['GET', 'HEAD']

/** Everything that an operation can refuse: by its access, its method, its dialect, and what it says of itself. */
function failuresOf({ method, config }: RouteOptions, { failures = [] }: Answerer): readonly ErrorCode[] {
  const access = config?.access
  const isKeyed = typeof access === 'object'
  const isBodiless = [method].flat().every((each) => BODILESS.includes(each))
  return [
    ...ofAnyRequest,
    ...(isKeyed ? [...withKey, ...failures.filter((code) => !isBodiless || !ofChanges.includes(code))] : []),
    ...(isKeyed && access.scope !== 'any' ? (['scope-missing'] as const) : []),
    ...(isKeyed && leastRole(access) !== 'viewer' ? (['role-missing'] as const) : []),
    ...(config?.ignoresBody ? (['body-type-unsupported'] as const) : []),
    ...(config?.ignoresBody || isBodiless ? [] : withBody),
    ...(config?.failures ?? []),
  ]
}

/** What the documentation says of an operation, the plugin's input: its schemas, with the answers that it really gives. */
export function describeOperation(route: RouteOptions, answerer: Answerer): FastifySchema {
  const { described, access } = route.config ?? {}
  if (!described) return { hide: true }
  return {
    ...(typeof access === 'object' ? {} : { security: [] }),
    ...described,
    response: describeAnswers(route, described.response as Answers, answerer),
  }
}

/** The part of a document that is looked at. */
export interface DescribedPaths {
  readonly paths?: Readonly<Record<string, Record<string, { readonly requestBody?: RequestBody }>>>
}

interface RequestBody {
  required?: boolean
  readonly content: Readonly<
    Record<string, { readonly schema: { readonly type?: string; readonly required?: readonly string[] } }>
  >
}

/**
 * Puts right what the plugin cannot know: a body may be absent if nothing has to be in it, and HEAD, which is answered as GET
 * (RFC 9110, 9.3.2), is no operation of its own.
 */
export function correctPaths({ paths = {} }: DescribedPaths): void {
  for (const path of Object.values(paths)) {
    delete path.head
    for (const { requestBody } of Object.values(path))
      if (requestBody) requestBody.required = isNeeded(requestBody)
  }
}

function isNeeded({ content }: RequestBody): boolean {
  return Object.values(content).some(
    ({ schema: { type, required = [] } }) => type !== 'object' || required.length > 0,
  )
}

/** An operation's successes, and each status that one of its failures has by the very function that answers. */
function describeAnswers(route: RouteOptions, successes: Answers, answerer: Answerer): Answers {
  const reasons = new Map<number, Set<string>>()
  for (const code of failuresOf(route, answerer)) {
    const { status } = answerer.toErrorAnswer(new ServiceError(code, ''), '')
    reasons.set(status, (reasons.get(status) ?? new Set()).add(code.replaceAll('-', ' ')))
  }
  const answers = Object.entries(successes).map(([status, schema]) => [
    status,
    { ...schema, [DESCRIPTION]: schema.description ?? 'Success.' },
  ])
  const failures = [...reasons].map(([status, texts]) => [status, refusal(answerer, sentenceOf([...texts]))])
  return { ...Object.fromEntries(answers), ...Object.fromEntries(failures) }
}

function refusal({ errorBody, errorType }: Answerer, description: string) {
  if (errorType === undefined) return { ...errorBody, [DESCRIPTION]: description }
  return { description, content: { [errorType]: { schema: errorBody } } }
}

function sentenceOf(texts: readonly string[]): string {
  const text = texts.join(', ')
  return `${text[0]?.toUpperCase()}${text.slice(1)}.`
}

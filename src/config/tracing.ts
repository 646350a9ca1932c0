import { text } from './parsers.ts'
import { Secret } from './secret.ts'
import { group, setting } from './setting.ts'

const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

export interface TracingSettings {
  readonly exporter:
    | { readonly kind: 'console' }
    | { readonly kind: 'otlp'; readonly url: string; readonly headers: Secret }
  /** Of the resource: who sends the spans. Without the name of the service if that is not set. */
  readonly attributes: Readonly<Record<string, string>>
  readonly sampler: {
    /** Whether a caller that has decided decides for us, too. */
    readonly isParentBased: boolean
    /** Of the traces that nobody else decides on, from 0 to 1. */
    readonly ratio: number
  }
}

/** By the specification of OpenTelemetry (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables). */
const rows = {
  endpoint: setting('OTEL_EXPORTER_OTLP_ENDPOINT <url>', text, {
    standard: true,
    own: true,
    help: 'collector that gets traces by OTLP; none are made without it',
    more: 'Like `http://localhost:4318`; `/v1/traces` is added. See [traces](docs/operating.md#traces) for this and those that follow.',
  }),
  tracesEndpoint: setting('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT <url>', text, {
    standard: true,
    own: true,
    help: 'the same, as the whole address',
  }),
  headers: setting('OTEL_EXPORTER_OTLP_HEADERS <headers>', (given) => new Secret(given), {
    standard: true,
    own: true,
    secret: true,
    help: 'headers for the collector, like api-key=secret,tenant=a; better a variable',
  }),
  protocol: setting('OTEL_EXPORTER_OTLP_PROTOCOL <protocol>', text, {
    standard: true,
    own: true,
    otherwise: '`http/protobuf`',
    help: 'how traces are sent: only http/protobuf',
  }),
  exporter: setting('OTEL_TRACES_EXPORTER <otlp|console|none>', text, {
    standard: true,
    own: true,
    otherwise: '`otlp` with an endpoint, else `none`',
    help: 'where traces go: otlp, console (lines of the log) or none',
  }),
  sampler: setting('OTEL_TRACES_SAMPLER <name>', text, {
    standard: true,
    own: true,
    otherwise: '`parentbased_always_on`',
    help: 'which requests are traced',
    more: `${samplers.map((name) => `\`${name}\``).join(', ')}.`,
  }),
  ratio: setting('OTEL_TRACES_SAMPLER_ARG <ratio>', text, {
    standard: true,
    own: true,
    otherwise: '`1`',
    help: 'part of the requests that a sampler by ratio takes, from 0 to 1',
  }),
  serviceName: setting('OTEL_SERVICE_NAME <name>', text, {
    standard: true,
    own: true,
    otherwise: '`entrepot`',
    help: 'name of this service in traces',
  }),
  attributes: setting('OTEL_RESOURCE_ATTRIBUTES <attributes>', text, {
    standard: true,
    own: true,
    help: 'what else traces tell of this server, like deployment.environment.name=test',
  }),
  disabled: setting('OTEL_SDK_DISABLED <true|false>', text, {
    standard: true,
    own: true,
    otherwise: '`false`',
    help: 'true: no traces, whatever else is set',
  }),
}

/** Undefined: no traces. What is set wrong is only told if there are to be any, since others may set variables for all programs. */
export const tracing = group(rows, (given, { problems }): TracingSettings | undefined => {
  const { endpoint, tracesEndpoint, disabled = 'false' } = given
  const { exporter = endpoint || tracesEndpoint ? 'otlp' : 'none' } = given
  if (disabled.toLowerCase() === 'true' || exporter === 'none') return undefined
  const { protocol = 'http/protobuf', sampler = 'parentbased_always_on', ratio = '1', headers } = given
  const refuse = (variable: string, sentence: string) => problems.push(`OTEL_${variable} ${sentence}`)
  if (exporter !== 'otlp' && exporter !== 'console')
    refuse('TRACES_EXPORTER', `must be otlp, console or none, not "${exporter}".`)
  if (protocol !== 'http/protobuf')
    refuse('EXPORTER_OTLP_PROTOCOL', `must be http/protobuf, the only one here, not "${protocol}".`)
  if (!(samplers as readonly string[]).includes(sampler))
    refuse('TRACES_SAMPLER', `must be one of ${samplers.join(', ')}, not "${sampler}".`)
  if (!(Number(ratio) >= 0 && Number(ratio) <= 1))
    refuse('TRACES_SAMPLER_ARG', `must be a number from 0 to 1, not "${ratio}".`)
  const url = tracesEndpoint ?? `${(endpoint ?? 'http://localhost:4318').replace(/\/$/, '')}/v1/traces`
  const { protocol: scheme = '', username, password } = URL.parse(url) ?? {}
  const endpointVariable = `EXPORTER_OTLP_${tracesEndpoint ? 'TRACES_' : ''}ENDPOINT`
  if (!['http:', 'https:'].includes(scheme)) refuse(endpointVariable, 'must be like http://localhost:4318.')
  // `fetch` takes no such address.
  if (username || password)
    refuse(endpointVariable, 'must have no user and no password; OTEL_EXPORTER_OTLP_HEADERS is for them.')
  if (!areHeaders(headers?.reveal() ?? ''))
    refuse('EXPORTER_OTLP_HEADERS', 'must be like name=value,other=value, percent-encoded.')
  const attributes = parseList(given.attributes ?? '') ?? {}
  if (parseList(given.attributes ?? '') === undefined)
    refuse('RESOURCE_ATTRIBUTES', 'must be like name=value,other=value, percent-encoded.')
  if (given.serviceName !== undefined) attributes['service.name'] = given.serviceName
  return {
    exporter:
      exporter === 'console'
        ? { kind: 'console' }
        : { kind: 'otlp', url, headers: headers ?? new Secret('') },
    attributes,
    sampler: {
      isParentBased: sampler.startsWith('parentbased_'),
      ratio: sampler.endsWith('ratio') ? Number(ratio) : sampler.endsWith('_on') ? 1 : 0,
    },
  }
})

function areHeaders(list: string): boolean {
  try {
    return new Headers(parseList(list)) && parseList(list) !== undefined
  } catch {
    return false
  }
}

/** As W3C Baggage has it: `a=1,b=2`, values percent-encoded. Undefined if it is not. */
export function parseList(list: string): Record<string, string> | undefined {
  const entries: [string, string][] = []
  for (const part of list.split(',')) {
    if (part.trim() === '') continue
    const [, name, value] = /^\s*([^\s=]+)\s*=\s*(.*?)\s*$/.exec(part) ?? []
    if (name === undefined || value === undefined) return undefined
    try {
      entries.push([decodeURIComponent(name), decodeURIComponent(value)])
    } catch {
      return undefined
    }
  }
  return Object.fromEntries(entries)
}

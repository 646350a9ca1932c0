import { encodeSpans } from './otlp.ts'
import type { Attributes } from './span.ts'
import { RetriableFailure, type SendSpans } from './span-queue.ts'

/** By the specification (opentelemetry.io/docs/specs/otlp/#retryable-response-codes). */
const RETRIABLE = [429, 502, 503, 504]

interface Collector {
  /** With its path. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** Sends spans by OTLP over HTTP, in protobuf. */
export function otlpSender(collector: Collector, resource: Attributes, version: string): SendSpans {
  const headers = {
    ...collector.headers,
    'content-type': 'application/x-protobuf',
    'user-agent': `OTel-OTLP-Exporter-Entrepot/${version}`,
  }
  return async (spans, signal) => {
    const body = encodeSpans(spans, resource, version)
    // Elsewhere the headers, which may hold a key, must not go.
    const options = { method: 'POST', headers, body, signal, redirect: 'error' } as const
    const answer = await fetch(collector.url, options).catch((error) => {
      throw new RetriableFailure(`no answer (${codeOf(error)})`)
    })
    // Unread, because nobody bounds it.
    await answer.body?.cancel()
    if (answer.ok) return
    const reason = `status ${answer.status}`
    if (!RETRIABLE.includes(answer.status)) throw new Error(reason)
    throw new RetriableFailure(reason, secondsIn(answer.headers.get('retry-after')) * 1000)
  }
}

/** The form with a date is not used by collectors. */
function secondsIn(retryAfter: string | null): number {
  return /^\d{1,9}$/.test(retryAfter ?? '') ? Number(retryAfter) : 0
}

function codeOf(error: { readonly name: string; readonly cause?: unknown }): string {
  return String((Object(error.cause) as { readonly code?: unknown }).code ?? error.name)
}

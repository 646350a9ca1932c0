import type { FastifyBaseLogger } from 'fastify'
import type { Span } from './span.ts'
import type { QueueEvents, SendSpans } from './span-queue.ts'

/** Tells once that spans are lost, and once that they no longer are. */
export function collectorLog(
  logger: FastifyBaseLogger,
  count: (outcome: 'sent' | 'lost', spans: number) => void,
): QueueEvents {
  let lost = 0
  return {
    sent: (spans) => {
      count('sent', spans)
      if (lost > 0) logger.warn({ lost }, 'traces are taken again')
      lost = 0
    },
    lost: (spans, reason) => {
      count('lost', spans)
      if (lost === 0) logger.warn({ reason }, 'traces are lost; nothing else is affected')
      lost += spans
    },
  }
}

/** For people who try traces out: spans as lines of the log. */
export function logSpans(logger: FastifyBaseLogger): SendSpans {
  return async (spans) => {
    for (const span of spans) logger.info({ span: toldSpan(span) }, 'span')
  }
}

function toldSpan({ name, traceId, spanId, parentId, startMs, endMs, attributes, isError }: Span): object {
  const ms = Math.round((endMs - startMs) * 1000) / 1000
  const start = new Date(startMs).toISOString()
  return { name, traceId, spanId, parentId, start, ms, attributes, isError }
}

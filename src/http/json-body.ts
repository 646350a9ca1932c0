import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceError } from '../core/errors.ts'
import type { Holding } from '../core/limits/fair-budget.ts'
import { hasBody } from './routing.ts'

const JSON_TYPE = 'application/json'
/** How long a body may take from the first read. Bodies are small: no honest client needs so long. */
const MAX_MS = 60_000

/**
 * Accepts JSON bodies as SDKs send them. A request without a body may name any content type or none. An empty body declared
 * as JSON counts as no body, because Python clients send that. Every other body has to be declared as JSON.
 */
export function acceptJsonBodies(server: FastifyInstance, maxMs = MAX_MS): void {
  server.removeAllContentTypeParsers()
  server.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request
    if (headers['content-type'] !== undefined && !hasBody(request)) delete headers['content-type']
    done()
  })
  const parse = server.getDefaultJsonParser('error', 'error')
  // Errors pass as the body and are thrown by the next hook. If a parser fails, Fastify ends the connection at once, and a
  // client that is still sending sees a reset in place of the answer.
  const read = (request: FastifyRequest, bytes: Buffer, done: Done) => {
    if (bytes.length === 0) return done(null, undefined)
    if (!isUtf8(bytes)) return done(null, notUtf8())
    parse(request, bytes.toString('utf8'), (error, body) => done(null, error ?? body))
  }
  server.addContentTypeParser(JSON_TYPE, (request, payload: IncomingMessage, done) => {
    const maxBytes = request.routeOptions.bodyLimit ?? 0
    const arrived = arrivedBody(payload, maxBytes)
    if (arrived !== undefined) return read(request, arrived, done)
    endIfLate(payload, maxMs)
    // A route without a key has no caller.
    const memory = server.memory.open(request.caller?.organizationId ?? '')
    gather(payload, maxBytes, memory)
      .finally(() => memory.release())
      .then(
        (bytes) => read(request, bytes, done),
        (error) => done(null, error),
      )
  })
  server.addContentTypeParser('*', async (_request: FastifyRequest, payload: IncomingMessage) => {
    endIfLate(payload, maxMs)
    return refusalUnlessEmpty(payload).catch((error: Error) => error)
  })
  // Without a body, hooks see an empty object. `null`, which is JSON, stays.
  server.addHook('preValidation', (request, _reply, done) => {
    if (request.body === undefined) request.body = {}
    if (request.body instanceof Error) return done(request.body)
    done()
  })
}

type Done = (error: Error | null, body?: unknown) => void

/** Makes JSON of a text that is nearly JSON, as a vendor's server takes it. */
export type Mend = (text: string) => string

/**
 * The JSON of a body that no parser of the server takes, whatever type it is declared to have; undefined: it is empty.
 * @throws ServiceError `body-not-json`, `body-too-large`, `body-too-slow`, `storage-unavailable`; errors of the stream
 */
export async function readJsonBody(request: FastifyRequest, mend?: Mend): Promise<unknown> {
  const { raw, server, caller } = request
  const maxBytes = request.routeOptions.bodyLimit ?? 0
  endIfLate(raw, MAX_MS)
  const memory = server.memory.open(caller?.organizationId ?? '')
  try {
    return parseJson(request, arrivedBody(raw, maxBytes) ?? (await gather(raw, maxBytes, memory)), mend)
  } finally {
    memory.release()
  }
}

/**
 * @param mend tried where the bytes are no JSON
 * @returns undefined for no bytes
 * @throws ServiceError `body-not-json`, or Fastify's error of the same meaning
 */
export function parseJson(request: FastifyRequest, bytes: Buffer, mend?: Mend): unknown {
  if (bytes.length === 0) return undefined
  if (!isUtf8(bytes)) throw notUtf8()
  const text = bytes.toString('utf8')
  try {
    return parseText(request, text)
  } catch (error) {
    if (mend === undefined) throw error
    return parseText(request, mend(text))
  }
}

function parseText(request: FastifyRequest, text: string): unknown {
  let parsed: unknown
  request.server.getDefaultJsonParser('error', 'error')(request, text, (error, body) => {
    if (error) throw error
    parsed = body
  })
  return parsed
}

function notUtf8(): ServiceError {
  return new ServiceError('body-not-json', 'The body is not valid UTF-8.')
}

/**
 * The whole body, if it came with its headers, as small ones mostly do. Reading it at once is cheaper: waiting for the end
 * of the stream costs more than parsing.
 */
function arrivedBody(payload: IncomingMessage, maxBytes: number): Buffer | undefined {
  const length = Number(payload.headers['content-length'])
  return length <= maxBytes && payload.readableLength === length ? payload.read(length) : undefined
}

/**
 * @throws ServiceError `body-too-large`, before reading if the length is declared; `storage-unavailable`; errors of the stream
 */
async function gather(payload: IncomingMessage, maxBytes: number, memory: Holding): Promise<Buffer> {
  requireAtMost(maxBytes, Number(payload.headers['content-length'] ?? 0))
  const chunks: Buffer[] = []
  let bytes = 0
  // The stream must outlive a refusal: the answer goes out on its socket.
  for await (const chunk of payload.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length
    requireAtMost(maxBytes, bytes)
    memory.grow(chunk.length)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function requireAtMost(maxBytes: number, bytes: number): void {
  if (bytes <= maxBytes) return
  throw new ServiceError('body-too-large', `The body exceeds the maximum of ${maxBytes} bytes.`)
}

/** Refuses a chunked body at its first byte, because it may be empty. */
async function refusalUnlessEmpty(payload: IncomingMessage): Promise<Error | undefined> {
  for await (const _chunk of payload.iterator({ destroyOnReturn: false }))
    return new ServiceError('body-type-unsupported', 'Send Content-Type: application/json.')
  return undefined
}

/** Ends the connection if the body is late. */
function endIfLate(payload: IncomingMessage, maxMs: number): void {
  const end = () => {
    if (!payload.complete) payload.destroy(new ServiceError('body-too-slow', 'The body took too long.'))
  }
  const timer = setTimeout(end, maxMs).unref()
  payload.once('close', () => clearTimeout(timer))
}

/** The part of an Ajv error that we read (ajv.js.org, "Error objects"). */
export interface SchemaProblem {
  readonly keyword: string
  readonly instancePath: string
  readonly message?: string
  readonly params: Readonly<Record<string, unknown>>
}

/**
 * A schema's refusal in our words.
 * @returns ServiceError `field-missing`, `field-unknown`, `field-invalid` (field named), or `body-not-json`
 * if the body as a whole is no object
 */
export function toFieldError({ keyword, instancePath, message, params }: SchemaProblem): ServiceError {
  if (keyword === 'required') {
    const field = String(params.missingProperty)
    return new ServiceError('field-missing', `${field} is missing.`, { field })
  }
  if (keyword === 'additionalProperties') {
    const field = String(params.additionalProperty)
    return new ServiceError('field-unknown', `${field} is not a known field.`, { field })
  }
  const field = instancePath.split('/')[1]
  if (field === undefined) return new ServiceError('body-not-json', 'The body must be a JSON object.')
  return new ServiceError('field-invalid', `${field} ${reasonOf(keyword, message, params)}.`, { field })
}

function reasonOf(keyword: string, message: string | undefined, params: SchemaProblem['params']): string {
  if (keyword !== 'enum') return message ?? 'is not valid'
  return `must be one of ${(params.allowedValues as readonly string[]).join(', ')}`
}

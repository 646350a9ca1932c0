import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { ServiceError } from '../core/errors.ts'
import { divertConnections } from '../net/first-bytes.ts'
import { refuseHttp1 } from '../net/refuse-http.ts'

const SPEAKS_TLS = 'This port speaks TLS: the URL has to begin with https://, not http://.'

/**
 * Answers plain HTTP on a port of TLS, where a connection would otherwise end without a word.
 * @param answer tells an error in the form of whoever's path it is
 */
export function answerPlaintext(
  server: Server,
  waitMs: number,
  answer: (error: unknown, request: IncomingMessage, response: ServerResponse) => void,
): void {
  const http1 = refuseHttp1((request, response) => {
    response.setHeader('x-request-id', randomUUID())
    answer(new ServiceError('tls-required', SPEAKS_TLS), request, response)
  })
  divertConnections(server, waitMs, { http1 })
}

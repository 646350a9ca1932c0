import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { ServiceError } from '../core/errors.ts'
import { divertConnections } from '../net/first-bytes.ts'
import { refuseHttp1 } from '../net/refuse-http.ts'
import type { Addressed } from './broken-request.ts'
import { type ErrorAnswer, writeErrorAnswer } from './errors.ts'

const SPEAKS_TLS = 'This port speaks TLS: the URL has to begin with https://, not http://.'

/**
 * Answers plain HTTP on a port of TLS, where a connection would otherwise end without a word.
 * @param toErrorAnswer in the form of whoever's path it is
 */
export function answerPlaintext(
  server: Server,
  waitMs: number,
  toErrorAnswer: (error: ServiceError, request: Addressed, requestId: string) => ErrorAnswer,
): void {
  const http1 = refuseHttp1((request, response) => {
    const requestId = randomUUID()
    response.setHeader('x-request-id', requestId)
    writeErrorAnswer(
      response,
      toErrorAnswer(new ServiceError('tls-required', SPEAKS_TLS), request, requestId),
    )
  })
  divertConnections(server, waitMs, { http1 })
}

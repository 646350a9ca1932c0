import type { RequestListener } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'

const { createServer } = process.getBuiltinModule('node:http')

/** A connection on a port that is not meant for it lives no longer. */
const DEADLINE_MS = 5_000
/** For so long a body is read before the answer: many clients look for one only when they have sent theirs. */
const BODY_MS = 1_000
/** Retrying cannot help (grpc.io, "Status codes"). */
const FAILED_PRECONDITION = '9'

/** Answers one request of HTTP/1.1 by `answer`, and ends the connection. */
export function refuseHttp1(answer: RequestListener): (socket: Socket) => void {
  const refuse: RequestListener = (request, response) => {
    response.setHeader('connection', 'close')
    const timer = setTimeout(() => request.destroyed || answer(request, response), BODY_MS)
    request.once('end', () => {
      clearTimeout(timer)
      answer(request, response)
    })
    request.once('close', () => clearTimeout(timer))
    request.resume()
  }
  const server = createServer({ requireHostHeader: false }, refuse)
  server.on('checkContinue', answer)
  return (socket) => {
    endInTime(socket)
    server.emit('connection', socket)
  }
}

/** Answers every gRPC call of a connection without TLS by this message (gRPC over HTTP/2, "Trailers-Only"). */
export function refuseGrpc(message: string): (socket: Socket) => void {
  const server = createHttp2Server()
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined)
    const status = { 'grpc-status': FAILED_PRECONDITION, 'grpc-message': message }
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...status }, { endStream: true })
    stream.session?.close()
  })
  return (socket) => {
    endInTime(socket)
    server.emit('connection', socket)
  }
}

/** Servers that do not listen enforce none of their own timeouts. */
function endInTime(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), DEADLINE_MS)
  socket.once('close', () => clearTimeout(timer))
}

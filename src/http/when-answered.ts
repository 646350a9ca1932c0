import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** With the answer that it is sending (`lib/_http_server.js`). */
export type HttpSocket = Socket & { readonly _httpMessage?: ServerResponse | null }

/** Runs a task once all requests that came so far are answered; never, if the connection ends with one of these answers. */
export function whenAnswered(socket: HttpSocket, task: () => void): void {
  const answer = socket._httpMessage
  // Node's own listener came first: by then the socket has the next answer.
  if (answer) answer.once('finish', () => whenAnswered(socket, task))
  else if (socket.writable) task()
}

import { connect, type Socket } from 'node:net'

/** What one connection sends again and again, and against which address. */
export interface RequestLoad {
  readonly url: string
  /** Whole HTTP/1.1 requests; each connection starts elsewhere in the list and goes round. */
  readonly requests: readonly Buffer[]
  readonly connections: number
  readonly seconds: number
}

/** Silence for that long fails the run instead of hanging it. */
const STALLED_MS = 20_000
const END_OF_HEAD = Buffer.from('\r\n\r\n')
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i

/**
 * Keep-alive connections that each wait for the whole answer before they ask again. As little client as there can
 * be, since it shares the machine with the server.
 * @returns answers per second
 * @throws Error on any status but 200 and 201, or a broken connection
 */
export async function measureRequests({ url, requests, connections, seconds }: RequestLoad): Promise<number> {
  const { hostname, port } = new URL(url)
  const begin = performance.now()
  const end = begin + seconds * 1000
  const asked = Array.from({ length: connections }, (_, index) =>
    askUntil(
      connect(Number(port), hostname),
      requests,
      Math.floor((index * requests.length) / connections),
      end,
    ),
  )
  const counts = await Promise.all(asked)
  return counts.reduce((sum, count) => sum + count, 0) / ((performance.now() - begin) / 1000)
}

function askUntil(socket: Socket, requests: readonly Buffer[], first: number, end: number): Promise<number> {
  socket.setNoDelay(true)
  socket.setTimeout(STALLED_MS, () => socket.destroy(new Error('the server makes no progress')))
  let count = 0
  let next = first
  let pending: Buffer | undefined
  const ask = () => socket.write(requests[next++ % requests.length] as Buffer)
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the server closed a connection')))
    socket.once('connect', ask)
    socket.on('data', (chunk: Buffer) => {
      const answer = pending === undefined ? chunk : Buffer.concat([pending, chunk])
      const length = answerLength(answer)
      pending = length === undefined || answer.length < length ? answer : undefined
      if (pending !== undefined) return
      if (!['200', '201'].includes(answer.toString('latin1', 9, 12))) {
        reject(new Error(`unexpected answer: ${answer.toString()}`))
        socket.destroy()
        return
      }
      count++
      if (performance.now() < end) ask()
      else {
        resolve(count)
        socket.destroy()
      }
    })
  })
}

/** Head and body together; undefined until the head is whole. */
function answerLength(answer: Buffer): number | undefined {
  const headEnd = answer.indexOf(END_OF_HEAD)
  if (headEnd < 0) return undefined
  return (
    headEnd +
    END_OF_HEAD.length +
    Number(CONTENT_LENGTH.exec(answer.toString('latin1', 0, headEnd))?.[1] ?? 0)
  )
}

/** One request as bytes. */
export function requestBytes(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): Buffer {
  const length: Record<string, string> =
    body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const lines = Object.entries({ host: 'localhost', ...headers, ...length }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
}

import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

/** Silence for that long fails the run instead of hanging it. */
const STALLED_MS = 60_000
const CHUNK = Buffer.alloc(256 * 1024, 'entrepot ')
const BASE64_CHUNK = Buffer.from(randomBytes(192 * 1024).toString('base64'))

/**
 * Sends one large body on a connection of its own and waits for the answer.
 * @returns seconds from the first byte sent to the whole head of the answer
 * @throws Error on any status but 200
 */
export async function putBody(url: string, contentType: string, sizeBytes: number): Promise<number> {
  return sendBody(url, 'PUT', { 'content-type': contentType }, ['', ''], sizeBytes)
}

/** The same as the file of a form. @returns seconds */
export async function postForm(url: string, authorization: string, sizeBytes: number): Promise<number> {
  const headers = { authorization, 'content-type': FORM_TYPE }
  return sendBody(url, 'POST', headers, [FORM_START, FORM_END], sizeBytes)
}

/** The same as base64 in JSON. `sizeBytes`: of the file, a multiple of three. @returns seconds */
export async function postJson(url: string, authorization: string, sizeBytes: number): Promise<number> {
  const around = ['{"folderId":"default","content":"', '"}'] as const
  return sendBody(url, 'POST', { authorization }, around, (sizeBytes / 3) * 4, BASE64_CHUNK)
}

const BOUNDARY = 'entrepot-bench-boundary'
export const FORM_START =
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n` +
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="bench.bin"\r\n` +
  'content-type: application/octet-stream\r\n\r\n'
export const FORM_END = `\r\n--${BOUNDARY}--\r\n`
export const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`

async function sendBody(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  [start, end]: readonly [string, string],
  sizeBytes: number,
  chunk = CHUNK,
): Promise<number> {
  const { socket, path, host } = await open(url)
  const begin = performance.now()
  const answered = readHead(socket)
  const all = { host, ...headers, 'content-length': start.length + sizeBytes + end.length }
  const fields = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`${method} ${path} HTTP/1.1\r\n${fields.join('')}\r\n${start}`)
  const sent = sendChunks(socket, chunk, sizeBytes).then(() => socket.write(end))
  await Promise.race([sent, answered])
  expectOk((await answered).head)
  const seconds = (performance.now() - begin) / 1000
  socket.destroy()
  return seconds
}

/**
 * Fetches one large body and throws it away.
 * @returns seconds from the request to the last byte
 * @throws Error on any status but 200, or a body of another size
 */
export async function getBody(url: string, sizeBytes: number): Promise<number> {
  const { socket, path, host } = await open(url)
  const begin = performance.now()
  const answered = readHead(socket)
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
  const { head, bodyBytes } = await answered
  expectOk(head)
  let received = bodyBytes
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', () => resolve())
    socket.on('data', (chunk) => {
      received += chunk.length
      if (received >= sizeBytes) resolve()
    })
    socket.resume()
  })
  if (received !== sizeBytes) throw new Error(`${received} bytes came, not ${sizeBytes}`)
  const seconds = (performance.now() - begin) / 1000
  socket.destroy()
  return seconds
}

async function open(url: string): Promise<{ socket: Socket; path: string; host: string }> {
  const { hostname, port, pathname, host } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.setTimeout(STALLED_MS, () => socket.destroy(new Error('the server makes no progress')))
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return { socket, path: pathname, host }
}

async function sendChunks(socket: Socket, chunk: Buffer, sizeBytes: number): Promise<void> {
  for (let sent = 0; sent < sizeBytes; sent += chunk.length) {
    const piece = sizeBytes - sent < chunk.length ? chunk.subarray(0, sizeBytes - sent) : chunk
    if (!socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve))
  }
}

/** The head of the answer, and how many bytes of its body came along. */
function readHead(socket: Socket): Promise<{ head: string; bodyBytes: number }> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0)
    const onData = (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk])
      const end = answer.indexOf('\r\n\r\n')
      if (end < 0) return
      socket.off('data', onData)
      socket.pause()
      resolve({ head: answer.toString('latin1', 0, end), bodyBytes: answer.length - end - 4 })
    }
    socket.on('data', onData)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the server closed the connection without an answer')))
  })
}

function expectOk(head: string): void {
  if (!/^HTTP\/1\.1 20[01] /.test(head)) throw new Error(`unexpected answer: ${head}`)
}

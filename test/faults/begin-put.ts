import { request } from 'node:http'

/**
 * Sends the beginning of a body, or all of it, and nothing more.
 * @returns the status of an answer, if one comes; undefined once the connection is broken
 */
export function beginPut(
  url: string,
  file: { readonly mimeType: string; readonly sizeBytes: number },
  beginning: Uint8Array,
): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  const headers = { 'content-type': file.mimeType, 'content-length': file.sizeBytes }
  const outgoing = request(url, { method: 'PUT', headers })
  outgoing.on('response', ({ statusCode }) => resolve(statusCode))
  outgoing.on('error', () => resolve(undefined))
  outgoing.write(beginning)
  return promise
}

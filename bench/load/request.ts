/** The head of one request as bytes, with the body if it is short. */
export function requestBytes(
  method: string,
  path: string,
  headers: Readonly<Record<string, string | number>> = {},
  body: Buffer | string = '',
): Buffer {
  const length = body.length > 0 ? { 'content-length': Buffer.byteLength(body) } : {}
  const fields = Object.entries({ host: 'localhost', ...length, ...headers })
  const head = `${method} ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

/** Path and query of a URL or of what is a path already. */
export function pathOf(url: string): string {
  return url.startsWith('/') ? url : url.slice(url.indexOf('/', 'https://'.length))
}

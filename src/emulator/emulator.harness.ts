import { TestServer } from '../../test/harness.ts'
import { type Answer, exchange, type Headings } from '../../test/lightfield-client.ts'
import type { Environment } from '../config/setting.ts'

/** An emulator, whose rows are always in SQLite. */
export function startEmulator(given: Environment = {}): Promise<TestServer> {
  return TestServer.start({ ENTREPOT_DATABASE_URL: undefined, ENTREPOT_EMULATOR: 'on', ...given })
}

export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string }
}

/** A request to the emulator: any answer may be an error. */
export function ask<T = ErrorBody>(
  server: Pick<TestServer, 'url'>,
  method: string,
  path: string,
  body?: unknown,
  headers: Headings = {},
): Promise<Answer<T>> {
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  return exchange(method, `${server.url}/-/${path}`, textOf(body), { ...type, ...headers })
}

function textOf(body: unknown): string | undefined {
  return body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
}

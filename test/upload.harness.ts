import { setTimeout as delay } from 'node:timers/promises'
import { collectBlobs } from '../src/core/upkeep/collect-blobs.ts'
import type { TestServer } from './harness.ts'
import { keptBodies } from './kept-bodies.ts'
import type { CreatedFile } from './lightfield-client.ts'

/** Every body that the server holds: staged, stored, or on its way; each as often as there are pieces of it. */
export async function keptBytes(server: TestServer): Promise<string[]> {
  const { staging, blobs, inline } = await keptBodies(server)
  return [...staging, ...blobs, ...inline].sort()
}

/** What the server holds once requests that were cut off have been cleaned up. */
export async function settledBytes(server: TestServer, expected: readonly string[]): Promise<string[]> {
  let now = await keptBytes(server)
  for (let i = 0; i < 200 && now.length > expected.length; i++) {
    await delay(10)
    now = await keptBytes(server)
  }
  return now
}

/**
 * Resolves once a body more is on its way than when `before` was taken, too large for the database. On S3 its first bytes are in
 * memory: ask for its row.
 */
export async function bodyBegun(server: TestServer, before: readonly string[]): Promise<void> {
  if (server.s3 === undefined) {
    while ((await keptBytes(server)).length === before.length) await delay(5)
    return
  }
  const { metadata, clock, policy } = server.app.services
  const begun = clock.now() + policy.writeLeaseMs
  const rows = () => metadata.listCollectableBlobs(begun, 1_000)
  while (!(await rows()).some(({ collectAfter }) => collectAfter === begun)) await delay(5)
}

/** The head of a PUT to the upload's link, up to the blank line. */
export function headOf({ uploadUrl, uploadHeaders }: CreatedFile, ...fields: string[]): string {
  const { pathname, host } = new URL(uploadUrl)
  const signed = Object.entries(uploadHeaders).map(([name, value]) => `${name}: ${value}`)
  return [`PUT ${pathname} HTTP/1.1`, `host: ${host}`, ...signed, ...fields, '', ''].join('\r\n')
}

/** What the job does in the background. */
export async function collect(server: TestServer): Promise<void> {
  while ((await collectBlobs(server.app.services)) > 0);
}

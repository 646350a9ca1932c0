import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { collectBlobs } from '../src/core/upkeep/collect-blobs.ts'
import type { TestServer } from './harness.ts'
import type { CreatedFile } from './lightfield-client.ts'
import type { S3TestServer } from './s3/server.ts'

/** Every file of bytes that the data folder, or the bucket, holds: staged, published, or on its way. */
export async function bytesOnDisk(server: TestServer): Promise<string[]> {
  if (server.s3) return bytesIn(server.s3)
  const folders = ['staging', 'blobs'].map((name) => join(server.dataDir, name))
  const lists = await Promise.all(
    folders.map((folder) => readdir(folder, { recursive: true, withFileTypes: true })),
  )
  return lists.flatMap((entries) => entries.filter((entry) => entry.isFile()).map(({ name }) => name)).sort()
}

function bytesIn({ objects, uploads }: S3TestServer): string[] {
  const names = [...objects.keys(), ...[...uploads.values()].map(({ name }) => name)]
  return names
    .filter((name) => /^(staging|blobs)\//.test(name))
    .map((name) => basename(name))
    .sort()
}

/** The data folder as it is once requests that were cut off have been cleaned up. */
export async function settledBytes(server: TestServer, expected: readonly string[]): Promise<string[]> {
  let now = await bytesOnDisk(server)
  for (let i = 0; i < 200 && now.length > expected.length; i++) {
    await delay(10)
    now = await bytesOnDisk(server)
  }
  return now
}

/** Resolves once a body more is on its way than when `before` was taken. On S3 its first bytes are in memory: ask for its row. */
export async function bodyBegun(server: TestServer, before: readonly string[]): Promise<void> {
  if (server.s3 === undefined) {
    while ((await bytesOnDisk(server)).length === before.length) await delay(5)
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

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { SeededRandom } from '../seeded-random.ts'
import type { ApiClient, CreatedBody } from './api-client.ts'
import type { Ledger, LedgerEntry } from './ledger.ts'

const MIME_TYPE = 'application/octet-stream'

/** Brings a file in, whole: create, PUT, complete with its MD5, each expected to succeed. */
export async function putFile(
  client: ApiClient,
  ledger: Ledger,
  filename: string,
  sizeBytes: number,
): Promise<LedgerEntry> {
  const entry = ledger.add({ filename, mimeType: MIME_TYPE, sizeBytes, idempotencyKey: undefined })
  const created = await client.create(entry)
  assert.equal(created.status, 200, created.text)
  const { id, uploadUrl } = JSON.parse(created.text) as CreatedBody
  const bytes = new SeededRandom(sizeBytes + filename.length).bytes(sizeBytes) as Buffer<ArrayBuffer>
  const md5 = hash('md5', bytes)
  assert.equal((await client.put(uploadUrl, MIME_TYPE, bytes)).status, 200)
  const completed = await client.complete(id, md5)
  assert.equal(completed.status, 200, completed.text)
  entry.createdText = created.text
  entry.created = JSON.parse(created.text) as CreatedBody
  entry.sent.push({ sha256: hash('sha256', bytes), md5, acknowledged: true })
  entry.final = 'COMPLETED'
  await ledger.acknowledge(entry, 'completed')
  return entry
}

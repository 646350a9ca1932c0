import { ApiClient, type CreatedBody, PUBLIC_URL } from './api-client.ts'
import { beginPut } from './begin-put.ts'
import type { Finding } from './finding.ts'
import type { Ledger, LedgerEntry } from './ledger.ts'

interface Run {
  readonly ledger: Ledger
  readonly findings: Finding[]
}

/** A create at a server that may be killed meanwhile. */
export async function createInVain({ findings }: Run, url: string, entry: LedgerEntry): Promise<LedgerEntry> {
  try {
    const { status, text } = await new ApiClient(url).create(entry, entry.idempotencyKey)
    if (status === 200) Object.assign(entry, { createdText: text, created: JSON.parse(text) as CreatedBody })
    else findings.push({ kind: 'unexpected-answer', detail: `create: ${status} ${text}` })
  } catch {
    // It was killed, which is what this is for.
  }
  return entry
}

/** A PUT of which some bytes never come; ends when the server does. */
export async function putInVain(
  run: Run,
  url: string,
  file: Pick<LedgerEntry, 'filename' | 'mimeType' | 'sizeBytes'>,
  sentBytes: number,
): Promise<void> {
  const { created } = await createInVain(run, url, run.ledger.add({ ...file, idempotencyKey: undefined }))
  if (created === undefined) return
  const status = await beginPut(created.uploadUrl.replace(PUBLIC_URL, url), file, Buffer.alloc(sentBytes))
  if (status !== undefined)
    run.findings.push({ kind: 'unexpected-answer', detail: `put ${file.filename}: ${status}` })
}

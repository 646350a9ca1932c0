import type { ApiClient, CreatedBody, FileBody } from './api-client.ts'
import { mayBeListed } from './check-arrivals.ts'
import type { Finding, FindingKind } from './finding.ts'
import { type Ledger, type LedgerEntry, mayBe, possibleContents } from './ledger.ts'

const AT_ONCE = 8

/**
 * Compares what the server answers with what it acknowledged. What was uncertain and is seen now is noted in the
 * ledger: from here on it must not change any more.
 */
export async function checkEntries(client: ApiClient, entries: readonly LedgerEntry[]): Promise<Finding[]> {
  const findings: Finding[] = []
  const queue = [...entries]
  const work = async () => {
    for (let entry = queue.pop(); entry; entry = queue.pop())
      await new EntryCheck(client, entry, findings).run()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return findings
}

/** Every file that is listed was asked for, once; every file that was acknowledged is listed. */
export async function checkListing(client: ApiClient, ledger: Ledger): Promise<Finding[]> {
  const findings: Finding[] = []
  const byName = new Map(ledger.entries.map((entry) => [entry.filename, entry]))
  const arrivals = new Map(ledger.arrivals.map((arrival) => [arrival.filename, arrival]))
  const seen = new Map<string, FileBody>()
  for (const file of await client.list()) {
    const { filename } = file
    const entry = byName.get(filename)
    const arrival = arrivals.get(filename)
    if (seen.has(filename)) findings.push({ kind: 'twice', detail: filename })
    seen.set(filename, file)
    if (arrival !== undefined) {
      if (!mayBeListed(arrival, file))
        findings.push({ kind: 'wrong-state', detail: `${JSON.stringify(file)}, not ${arrival.final}` })
    } else if (entry === undefined || (entry.created && entry.created.id !== file.id))
      findings.push({ kind: 'unknown-file', detail: filename })
    else if (!isAsAsked(entry, file) || (!entry.created && file.status !== 'PENDING'))
      findings.push({ kind: 'wrong-metadata', detail: JSON.stringify(file) })
  }
  for (const { filename, created } of ledger.entries) {
    if (created && !seen.has(filename))
      findings.push({ kind: 'wrong-state', detail: `${filename} is not listed` })
  }
  for (const { filename, final } of ledger.arrivals) {
    if (final === 'STORED' && !seen.has(filename))
      findings.push({ kind: 'wrong-state', detail: `${filename} is not listed` })
  }
  return findings
}

class EntryCheck {
  readonly #client: ApiClient
  readonly #entry: LedgerEntry
  readonly #findings: Finding[]

  constructor(client: ApiClient, entry: LedgerEntry, findings: Finding[]) {
    this.#client = client
    this.#entry = entry
    this.#findings = findings
  }

  async run(): Promise<void> {
    try {
      const created = await this.#checkCreate()
      if (created) await this.#checkFile(created)
    } catch (error) {
      this.#report(
        'not-readable',
        error instanceof Error ? `${error.message} ${error.cause ?? ''}` : String(error),
      )
    }
  }

  #report(kind: FindingKind, detail: string): void {
    this.#findings.push({ kind, detail: `${this.#entry.filename}: ${detail}` })
  }

  /** An idempotent create gives its first answer again; one that was never answered may simply be repeated. */
  async #checkCreate(): Promise<CreatedBody | undefined> {
    const entry = this.#entry
    if (entry.idempotencyKey === undefined) return entry.created
    const { status, text } = await this.#client.create(entry, entry.idempotencyKey)
    if (status !== 200) this.#report('unexpected-answer', `repeated create: ${status} ${text}`)
    else if (entry.createdText === undefined) {
      entry.createdText = text
      entry.created = JSON.parse(text) as CreatedBody
    } else if (text !== entry.createdText)
      this.#report('other-answer', `created as ${entry.createdText}, repeated as ${text}`)
    return entry.created
  }

  async #checkFile(created: CreatedBody): Promise<void> {
    const entry = this.#entry
    const { status, text } = await this.#client.retrieve(created.id)
    if (status !== 200) return this.#report('wrong-state', `retrieve answers ${status} ${text}`)
    const file = JSON.parse(text) as FileBody
    if (!mayBe(entry, file.status)) return this.#report('wrong-state', `${file.status}, not ${entry.final}`)
    if (!isAsAsked(entry, file) || file.createdAt !== created.createdAt) this.#report('wrong-metadata', text)
    if (file.status === 'COMPLETED') await this.#checkBytes(file)
    else await this.#checkNoLink(file)
    noteStatus(entry, file)
  }

  async #checkBytes({ id, mimeType, sizeBytes }: FileBody): Promise<void> {
    const link = await this.#client.link(id)
    if (link.status !== 200) return this.#report('not-readable', `link: ${link.status} ${link.text}`)
    const download = await this.#client.download((JSON.parse(link.text) as { url: string }).url)
    if (download.status !== 200) return this.#report('not-readable', `download: ${download.status}`)
    const { sha256 } = download
    if (!possibleContents(this.#entry).includes(sha256) || download.sizeBytes !== sizeBytes)
      return this.#report('wrong-bytes', `${download.sizeBytes} bytes, SHA-256 ${sha256}`)
    if (download.mimeType !== mimeType) this.#report('wrong-metadata', `downloaded as ${download.mimeType}`)
    const stored = this.#entry.sent.filter((sent) => sent.sha256 === sha256)
    for (const sent of stored) sent.acknowledged = true
    this.#entry.sent.splice(0, this.#entry.sent.length, ...stored)
  }

  async #checkNoLink({ id, status }: FileBody): Promise<void> {
    const link = await this.#client.link(id)
    if (link.status !== 409) this.#report('wrong-state', `${status}, and yet link answers ${link.status}`)
  }
}

function isAsAsked(entry: LedgerEntry, file: FileBody): boolean {
  const { filename, mimeType, sizeBytes } = entry
  const isDated = (file.completedAt !== null) === (file.status === 'COMPLETED')
  return file.filename === filename && file.mimeType === mimeType && file.sizeBytes === sizeBytes && isDated
}

/** Nothing of an unanswered request is still under way after a restart: what is seen is what it came to. */
function noteStatus(entry: LedgerEntry, { status }: FileBody): void {
  if (status === 'COMPLETED' || status === 'CANCELLED') entry.final = status
  entry.triedToComplete = false
  entry.triedToCancel = false
}

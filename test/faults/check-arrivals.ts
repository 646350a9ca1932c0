import { ApiClient, type FileBody } from './api-client.ts'
import { ArrivalClient } from './arrival-client.ts'
import { type Arrival, contentOf, sha256Of } from './arrivals.ts'
import type { Finding } from './finding.ts'

const AT_ONCE = 8

/**
 * Compares what the server answers with what it acknowledged, and notes what was uncertain: nothing of an unanswered request is
 * still under way.
 */
export async function checkArrivals(url: string, entries: readonly Arrival[]): Promise<Finding[]> {
  const client = new ApiClient(url)
  const arrivals = new ArrivalClient(url)
  const findings: Finding[] = []
  const queue = [...entries]
  const work = async () => {
    for (let entry = queue.pop(); entry; entry = queue.pop()) {
      const report = (kind: Finding['kind'], detail: string) =>
        findings.push({ kind, detail: `${entry?.filename}: ${detail}` })
      try {
        await new ArrivalCheck(client, arrivals, entry, report).run()
      } catch (error) {
        report(
          'not-readable',
          error instanceof Error ? `${error.message} ${error.cause ?? ''}` : String(error),
        )
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return findings
}

class ArrivalCheck {
  readonly #client: ApiClient
  readonly #arrivals: ArrivalClient
  readonly #entry: Arrival
  readonly #report: (kind: Finding['kind'], detail: string) => void

  constructor(
    client: ApiClient,
    arrivals: ArrivalClient,
    entry: Arrival,
    report: (kind: Finding['kind'], detail: string) => void,
  ) {
    this.#client = client
    this.#arrivals = arrivals
    this.#entry = entry
    this.#report = report
  }

  async run(): Promise<void> {
    const { link, id, final, triedToEnd } = this.#entry
    if (link !== undefined) await this.#checkLink(link)
    else if (id !== undefined) await this.#checkWhole(id)
    const isEnded = triedToEnd && this.#entry.final === 'GONE'
    if (final !== undefined && this.#entry.final !== final && !isEnded)
      this.#report('wrong-state', `${this.#entry.final} after ${final}`)
    this.#entry.triedToEnd = false
    this.#entry.mayBeStale = false
  }

  async #checkLink(link: string): Promise<void> {
    const entry = this.#entry
    const { status, offset = -1, isLengthKnown } = await this.#arrivals.head(link)
    if (status === 410 && (entry.final === 'GONE' || entry.triedToEnd)) {
      entry.final = 'GONE'
      return
    }
    if (status !== 200 || entry.final === 'GONE') return this.#report('wrong-state', `HEAD answers ${status}`)
    if (offset < entry.acknowledgedBytes || offset > Math.max(entry.sentBytes, entry.acknowledgedBytes))
      this.#report('wrong-offset', `${offset}, of ${entry.acknowledgedBytes} to ${entry.sentBytes}`)
    entry.acknowledgedBytes = offset
    entry.sentBytes = offset
    if (offset === entry.sizeBytes && isLengthKnown) return this.#checkStored(entry.id ?? '')
    if (entry.final !== undefined) this.#report('wrong-state', `${entry.final}, and yet at ${offset}`)
    // A PUT that was not answered has not come.
    entry.contents = [sha256Of(contentOf(entry))]
  }

  async #checkWhole(id: string): Promise<void> {
    const entry = this.#entry
    const { status } = await this.#client.retrieve(id)
    if (status === 404 && (entry.final === 'GONE' || entry.triedToEnd)) entry.final = 'GONE'
    else if (status !== 200 || entry.final === 'GONE')
      this.#report('wrong-state', `retrieve answers ${status} for ${entry.final}`)
    else await this.#checkStored(id)
  }

  async #checkStored(id: string): Promise<void> {
    const entry = this.#entry
    const { status, text } = await this.#client.retrieve(id)
    const file = JSON.parse(text) as FileBody
    if (status !== 200 || file.status !== 'COMPLETED') return this.#report('wrong-state', `${status} ${text}`)
    if (file.sizeBytes !== entry.sizeBytes || file.filename !== entry.filename)
      this.#report('wrong-metadata', text)
    const link = JSON.parse((await this.#client.link(id)).text) as { url: string }
    const { status: found, sha256, sizeBytes } = await this.#client.download(link.url)
    if (found !== 200 || !entry.contents.includes(sha256))
      return this.#report('wrong-bytes', `${found}, ${sizeBytes} bytes, SHA-256 ${sha256}`)
    entry.contents = [sha256]
    entry.final = 'STORED'
  }
}

/** Whether a file that is listed may be one that came so. */
export function mayBeListed(entry: Arrival, file: FileBody): boolean {
  const { final, triedToEnd, way, sizeBytes } = entry
  if (file.status === 'COMPLETED') return final !== 'GONE' && file.sizeBytes === sizeBytes
  if (way !== 'link') return false
  if (file.status === 'CANCELLED') return final === 'GONE' || triedToEnd
  return file.status === 'PENDING' && final === undefined
}

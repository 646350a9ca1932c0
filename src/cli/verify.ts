import { InvalidArgumentError, Option } from 'commander'
import type { UpkeepServices } from '../core/services.ts'
import { type Verification, verifyBytes, type WrongBytes } from '../core/upkeep/verify-bytes.ts'
import { parseBound } from './arguments.ts'
import { paceReaders } from './pace.ts'
import { ProgressBar } from './progress-bar.ts'

/** Less than half of what a hard disk reads, so that a server beside it has the rest. */
const DEFAULT_BYTES_PER_SECOND = 64 * 1024 * 1024

export const rateOption = new Option(
  '--max-bytes-per-second <number>',
  'what --verify reads at most, or none for no bound',
)
  .default(DEFAULT_BYTES_PER_SECOND)
  .argParser((text: string): number => {
    if (/^0+$/.test(text)) throw new InvalidArgumentError('It must be above 0.')
    return parseBound(text)
  })

/** Reads the bytes of all files, `totalBytes` of them, and tells on a terminal how far it has come. */
export async function verifyWithProgress(
  services: UpkeepServices,
  totalBytes: number,
  maxBytesPerSecond: number,
): Promise<Verification> {
  const pace = paceReaders(maxBytesPerSecond)
  using progress = new ProgressBar(totalBytes)
  return await verifyBytes(services, (bytes) => {
    progress.add(bytes)
    return pace(bytes)
  })
}

/** What the bytes of a file should be, and what they are. */
export function differenceOf({ expected, found }: WrongBytes): string {
  const wanted = `expected ${expected.sizeBytes} bytes with SHA-256 ${expected.sha256}`
  return found === null ? wanted : `${wanted}, found ${found.sizeBytes} bytes with SHA-256 ${found.sha256}`
}

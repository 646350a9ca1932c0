import type { Caller } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import type { FileRecord } from '../../core/files/file.ts'
import { maxFileBytesFor, requireVendorQuota, type VendorQuota } from '../../core/limits/strict-limits.ts'
import type { Services } from '../../core/services.ts'
import { isWithheld, shownPurpose } from './purposes.ts'
import type { OpenAISettings } from './settings.ts'

/*
 * What the vendor refuses and this server need not: of keys whose fidelity is strict alone.
 */

const MIB = 1024 ** 2
/** Of a file that comes whole, and of one in parts; the vendor does not say which megabytes it means. */
const MAX_BYTES = { whole: 512 * MIB, parts: 8 * 1024 * MIB } as const
const MAX_BATCH_BYTES = 200 * MIB
const QUOTA: VendorQuota = {
  holder: 'project',
  maxBytes: 2.5e12,
  refusal: 'Projects are limited to 2.5 TB of files.',
}

/** Purposes that take lines of JSON alone, as errors name them. */
const ofLines: Readonly<Record<string, string>> = { batch: 'Batch', 'fine-tune': 'Fine-Tuning' }

type WithFidelity = Pick<Caller, 'fidelity'>

export function maxBytesOf(
  caller: WithFidelity,
  { maxFileBytes }: OpenAISettings,
  comes: keyof typeof MAX_BYTES,
): number {
  return maxFileBytesFor(caller, maxFileBytes, MAX_BYTES[comes])
}

/** What is known of a file before it is made. */
interface ComingFile {
  readonly projectId: string
  readonly name: string
  readonly purpose: string
  readonly sizeBytes: number
  /** How many of them are not counted yet. */
  readonly uncountedBytes: number
}

/** @throws ServiceError `rule-violated`, `bytes-too-many`, `quota-exceeded` */
export async function requireTaken(
  services: Services,
  caller: Caller,
  { projectId, name, purpose, sizeBytes, uncountedBytes }: ComingFile,
): Promise<void> {
  if (caller.fidelity !== 'strict') return
  const api = ofLines[purpose]
  if (api !== undefined && !name.toLowerCase().endsWith('.jsonl'))
    throw new ServiceError('rule-violated', `Invalid file format for ${api} API. Must be .jsonl`)
  if (purpose === 'batch' && sizeBytes > MAX_BATCH_BYTES)
    throw new ServiceError('bytes-too-many', 'Files for batches may have up to 200 MB.')
  await requireVendorQuota(services, caller, QUOTA, projectId, uncountedBytes)
}

/** @throws ServiceError `not-downloadable` */
export function requireGivenBack(caller: WithFidelity, file: FileRecord): void {
  const message = withheld(caller, file)
  if (message !== undefined) throw new ServiceError('not-downloadable', message)
}

/** Why the caller does not get the bytes. */
export function withheld({ fidelity }: WithFidelity, file: FileRecord): string | undefined {
  if (fidelity !== 'strict' || !isWithheld(file)) return undefined
  return `Not allowed to download files of purpose: ${shownPurpose(file)}`
}

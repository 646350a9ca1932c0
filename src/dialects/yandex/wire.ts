import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { type Timestamp, timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { ExpiryPolicy, FileRecord } from '../../core/files/file.ts'
import { DAY_MS } from '../../core/ports/clock.ts'
import {
  type ExpirationConfigSchema,
  ExpirationConfig_ExpirationPolicy as Policy,
} from './gen/expiration_pb.js'
import { type File, FileSchema } from './gen/files_pb.js'
import { fileIds } from './ids.ts'

/** A record as this vendor shows it. Texts that were never set stay empty: its SDKs tell them apart from given ones. */
export function toFile(file: FileRecord): File {
  const { expiresAt } = file
  return create(FileSchema, {
    id: fileIds.print(file.id),
    folderId: file.projectId,
    name: file.name,
    description: file.description,
    mimeType: file.mimeType,
    createdBy: file.createdBy,
    createdAt: toTimestamp(file.createdAt),
    updatedBy: file.updatedBy,
    updatedAt: toTimestamp(file.updatedAt),
    expirationConfig: toExpirationConfig(file),
    ...(expiresAt === null ? {} : { expiresAt: toTimestamp(expiresAt) }),
    labels: { ...file.labels },
  })
}

/** The vendor has two policies; SDKs refuse a file that has neither. What ends never or at an instant is static. */
const wirePolicies = {
  never: Policy.STATIC,
  at: Policy.STATIC,
  'since-created': Policy.STATIC,
  'since-last-active': Policy.SINCE_LAST_ACTIVE,
} as const satisfies Record<ExpiryPolicy, Policy>

function toExpirationConfig(file: FileRecord): MessageInitShape<typeof ExpirationConfigSchema> {
  return { expirationPolicy: wirePolicies[file.expiryPolicy], ttlDays: BigInt(wireDays(file)) }
}

/** An instant counts in days from the creation, rounded up, and at least one: 0 is for a file that never ends. */
function wireDays({ expiryPolicy, expiresAt, createdAt, ttlDays }: FileRecord): number {
  if (expiryPolicy !== 'at' || expiresAt === null) return ttlDays
  return Math.max(1, Math.ceil((expiresAt - createdAt) / DAY_MS))
}

function toTimestamp(ms: number): Timestamp {
  return timestampFromMs(ms)
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { FairBudget } from '../../core/limits/fair-budget.ts'
import { newKey } from '../blob-store.samples.ts'
import type { PartRoom } from './body-part.ts'
import type { S3Location } from './connection.ts'
import { Spool } from './spool.ts'

const MIB = 1024 * 1024

/** A place on a test server, by default one of its own. */
export function placeOn(
  server: Pick<S3Location, 'bucket' | 'endpoint' | 'credentials'>,
  prefix = `${newKey()}/`,
): S3Location {
  const { bucket, endpoint, credentials } = server
  return { bucket, endpoint, credentials, prefix, region: 'us-east-1', pathStyle: true }
}

/** Room for the parts of bodies, in a folder that ends with the test file. */
export async function openPartRoom({
  memoryBytes = 512 * MIB,
  spoolBytes = 1024 * MIB,
  waitMs = 30_000,
} = {}): Promise<PartRoom & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-spool-'))
  after(() => rm(folder, { recursive: true, force: true }))
  const spool = await Spool.open(folder, { maxBytes: spoolBytes, reserveBytes: 0, waitMs })
  return { memory: new FairBudget(memoryBytes), spool, folder }
}

import { closingAfter } from '../core/closing.ts'
import { FairBudget } from '../core/limits/fair-budget.ts'
import type { MoveStage } from '../core/ports/move.ts'
import { allMigrations, type DatabaseSession, readSchemaVersion } from '../metadata/migrations/migrate.ts'
import { loadTls } from '../ops/tls.ts'
import {
  bytesMissing,
  bytesPlaceInWords,
  ofTwoInstallations,
  requireHere,
  requireSameBucket,
  toldByFolder,
} from './bytes-place.ts'
import { requireSameKind } from './emulation.ts'
import { findInstallation, rowsPlace } from './installation.ts'
import { openBlobs, readSession } from './open-stores.ts'
import type { AppConfig } from './settings.ts'

/** What a start depends on, and how it is, or why no server can start. */
export type Finding = { readonly subject: string } & (
  | { readonly state: string }
  | { readonly problem: unknown }
)

/** What the database says of itself and of the bytes that it needs; of an older schema only its id. */
interface FoundRows {
  readonly state: string
  readonly storeId?: string
  /** Where the bytes came first, if there are any that are not in the database. */
  readonly needs?: { readonly bytesPlace: string | undefined }
}

/**
 * Looks at what a server with these settings would open, whether one runs or not: database, bytes and certificate. Writes
 * nothing, but for the objects by which any start learns what a bucket can do. Whether ports are free is not asked.
 */
export async function checkStart(config: AppConfig): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const check = async <T>(subject: string, look: () => Promise<T>, say: (found: T) => string) => {
    try {
      const found = await look()
      findings.push({ subject, state: say(found) })
      return found
    } catch (problem) {
      findings.push({ subject, problem })
      return undefined
    }
  }
  const rows = await check(
    'database',
    () => findRows(config),
    ({ state }) => state,
  )
  // Whose bytes they have to be is not known otherwise.
  if (rows !== undefined) await check('bytes', () => checkBytes(config, rows), String)
  await check('certificate', () => checkCertificate(config), String)
  return findings
}

async function findRows(config: AppConfig): Promise<FoundRows> {
  const place = rowsPlace(config)
  if (!(await findInstallation(config)))
    return { state: `${place}, where the first start makes an installation` }
  const session = await readSession(config)
  return closingAfter(session.close, async () => {
    const [version, newest] = [await readSchemaVersion(session), allMigrations.length]
    const found = await readOne(session, (from) => from.select('storeId'))
    const storeId = String(found[0])
    if (version < newest)
      return { storeId, state: `${place}, schema ${version}, which the next start brings to ${newest}` }
    const state = `${place}, schema ${version}`
    const [stage, movedTo, bytesPlace, emulated] = await readOne(session, (from) =>
      from.select(['moveStage', 'movePlace', 'bytesPlace', 'emulatorOffsetMs']),
    )
    requireHere(config, stage ? { stage: stage as MoveStage, place: String(movedTo) } : undefined)
    requireSameKind(config, emulated !== null)
    const blobs = session.builder.selectFrom('files').select('id').where('blobKey', 'is not', null).limit(1)
    if ((await session.run(blobs.compile())).length === 0) return { storeId, state }
    return { storeId, state, needs: { bytesPlace: bytesPlace?.toString() } }
  })
}

type FromInstallation = ReturnType<typeof fromInstallation>

function fromInstallation({ builder }: DatabaseSession) {
  return builder.selectFrom('installation')
}

/** Columns of the one row about the installation. */
async function readOne(
  session: DatabaseSession,
  select: (from: FromInstallation) => { compile(): Parameters<DatabaseSession['run']>[0] },
) {
  return (await session.run(select(fromInstallation(session)).compile()))[0] ?? []
}

async function checkBytes(config: AppConfig, { storeId, needs }: FoundRows): Promise<string> {
  if (config.s3) await requireSameBucket(config)
  const owner = config.s3 ? await ownerOfBucket(config) : await toldByFolder(config)
  if (owner !== undefined && owner !== storeId) throw ofTwoInstallations(config, owner)
  if (owner === undefined && needs)
    throw await bytesMissing(config, { bytesPlace: async () => needs.bytesPlace })
  return owner === undefined
    ? `${bytesPlaceInWords(config)}, where there are none yet`
    : bytesPlaceInWords(config)
}

async function ownerOfBucket(config: AppConfig): Promise<string | undefined> {
  const { blobs } = await openBlobs(config, new FairBudget(config.memoryBytes))
  return blobs.owner()
}

async function checkCertificate({ tls }: AppConfig): Promise<string> {
  if (tls === undefined) return 'none, plaintext on both ports'
  if (tls.kind === 'self-signed') return 'made by the start'
  await loadTls(tls)
  return tls.certPath
}

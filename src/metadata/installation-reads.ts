import { StoreError } from '../core/errors.ts'
import type { MetadataStore } from '../core/ports/metadata-store.ts'
import type { MoveStage } from '../core/ports/move.ts'
import type { SqlEngine } from './engine.ts'
import type { installationQueries } from './queries/installation.ts'

type InstallationReads = Pick<
  MetadataStore,
  'storeId' | 'clockTrust' | 'emulatedTime' | 'youngestRowAt' | 'bytesPlace' | 'move'
>

/** What the one row about the installation says, and when its youngest row was made. */
export function installationReads(
  engine: SqlEngine,
  queries: ReturnType<typeof installationQueries>,
): InstallationReads {
  return {
    async storeId() {
      const [row] = await engine.read(queries.storeId, {})
      if (row === undefined) throw new StoreError('unavailable', 'The database carries no store id.')
      return row[0] as string
    },
    async clockTrust() {
      const [row] = await engine.read(queries.clockTrust, {})
      const [waitMs = 0, trustedTo = 0] = (row ?? []) as readonly number[]
      return { waitMs, trustedTo }
    },
    async emulatedTime() {
      const [row] = await engine.read(queries.emulatedTime, {})
      return row && { offsetMs: row[0] as number, frozenAt: row[1] as number | null }
    },
    async youngestRowAt() {
      const [row] = await engine.read(queries.youngestRowAt, {})
      return (row?.[0] ?? undefined) as number | undefined
    },
    async bytesPlace() {
      const [row] = await engine.read(queries.bytesPlace, {})
      return (row?.[0] ?? undefined) as string | undefined
    },
    async move() {
      const [row] = await engine.read(queries.move, {})
      const [stage, place] = (row ?? [null, null]) as [MoveStage | null, string | null]
      return stage === null ? undefined : { stage, place: place ?? '' }
    },
  }
}

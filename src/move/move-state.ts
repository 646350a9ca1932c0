import type { DatabaseSession } from '../metadata/migrations/migrate.ts'

/** Whose rows a database holds or waits for, and where a move of them stands. */
export interface InstallationRow {
  readonly storeId: string
  readonly stage: string | undefined
  readonly place: string | undefined
}

export async function stateOf({ builder, run }: DatabaseSession): Promise<InstallationRow> {
  const query = builder.selectFrom('installation').select(['storeId', 'moveStage', 'movePlace'])
  const [[storeId, stage, place] = []] = await run(query.compile())
  return { storeId: String(storeId), stage: stage?.toString(), place: place?.toString() }
}

/** Every installation that a server or command has opened has one. */
export async function hasOrganizations({ builder, run }: DatabaseSession): Promise<boolean> {
  return (await run(builder.selectFrom('organizations').select('id').limit(1).compile())).length > 0
}

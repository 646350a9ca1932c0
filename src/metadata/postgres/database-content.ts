import { Client } from 'pg'
import type { DatabaseContent } from '../migrations/migrate.ts'
import { openingFailure, sessionSettings } from './connection.ts'

/** What a database holds, of whatever release. Makes nothing. @throws Error in one sentence if it cannot be reached */
export async function postgresContent(url: string): Promise<DatabaseContent> {
  const client = new Client(sessionSettings(url))
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ content: DatabaseContent }>(CONTENT)
    return rows[0]?.content ?? 'empty'
  } catch (error) {
    throw openingFailure(url, error)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Counts what stands in the schema in which our tables would be made, without the tables and views of extensions. */
const CONTENT = `
  select case
    when to_regclass('schema_version') is not null and to_regclass('organizations') is not null then 'ours'
    when exists (
      select from pg_class where relnamespace = to_regnamespace(quote_ident(current_schema()))
        and relkind in ('r', 'p', 'v', 'm', 'f')
        and not exists (
          select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
        )
    ) then 'foreign'
    else 'empty' end as content`

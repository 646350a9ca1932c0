import { createHash } from 'node:crypto'
import { CompiledQuery, sql, type Updateable } from 'kysely'
import type { SqlRow } from '../metadata/engine.ts'
import type { DatabaseSession, RunQuery } from '../metadata/migrations/migrate.ts'
import { changeQueries, planCommit } from '../metadata/plan-change.ts'
import { flavours } from '../metadata/sql/flavours.ts'
import { inSql, type SqlValue, type Tables } from '../metadata/sql/tables.ts'
import { movedTables, type TableName } from './moved-tables.ts'

/** Rows per statement. */
const PAGE = 2000
/** The same where each may have 64 KiB of bytes. */
const PAGE_WITH_BYTES = 50

/** The one column that is no text and no number: `bytes` of segments. */
function isBytes(table: TableName, column: string): boolean {
  return table === 'segments' && column === 'bytes'
}

/** As PostgreSQL takes bytes from a text. SQLite's `hex` makes an empty text of null. */
const bytesAsText = {
  sqlite: sql`case when bytes is not null then '\\x' || lower(hex(bytes)) end`,
  postgres: sql`'\\x' || encode(bytes, 'hex')`,
}

interface CopiedTable {
  readonly name: TableName
  readonly key: readonly string[]
  /** As the database spells them. */
  readonly columns: readonly string[]
}

/** A number of rows, and the SHA-256 of all of them in the order of their keys: the same on both engines. */
export interface TableDigest {
  readonly rows: number
  readonly sha256: string
}

export type CopiedRows = Readonly<Partial<Record<TableName, TableDigest>>>

export interface CopyRows {
  /** What is noted at the target, in the same transaction. */
  readonly installation: Updateable<Tables['installation']>
  /** Gives up the blobs that were being received when the source was shut: no server can go on with them here. */
  readonly endsLeases: boolean
  /** Told of rows as they come: how much text they are. */
  readonly onRows?: (bytes: number) => void
  /** Throws if these must not be the rows of the target. */
  readonly judge?: (copied: CopiedRows) => void
}

/**
 * Replaces all rows of `target` by those of `source`, which nobody writes to meanwhile, or of which this is a snapshot; the
 * schemas are the same. All in one transaction, at whose end what was written is read again and compared.
 * @throws Error if the rows differ afterwards; then nothing was written
 */
export async function copyRows(
  source: DatabaseSession,
  target: DatabaseSession,
  { installation, endsLeases, onRows = () => undefined, judge = () => undefined }: CopyRows,
): Promise<CopiedRows> {
  return target.exclusively(async (run) => {
    await pauseCounting(target, run, true)
    for (const { name } of movedTables.toReversed()) await run(target.builder.deleteFrom(name).compile())
    const copied: Partial<Record<TableName, TableDigest>> = {}
    for (const { name, key } of movedTables) {
      const columns = await columnsOf(source, name)
      copied[name] = await copyTable({ name, key, columns }, source, target, run, onRows)
    }
    judge(copied)
    await countFiles(target, run)
    await pauseCounting(target, run, false)
    if (endsLeases) await endLeases(target, run)
    const noted = { ...installation, ...(await emulatedTime(source)) }
    await run(target.builder.updateTable('installation').set(noted).compile())
    return copied
  })
}

/** An emulator's installation is one wherever it goes. */
async function emulatedTime({ builder, run }: DatabaseSession) {
  const query = builder.selectFrom('installation').select(['emulatorOffsetMs', 'emulatorFrozenAt'])
  const [[emulatorOffsetMs = null, emulatorFrozenAt = null] = []] = await run(query.compile())
  return { emulatorOffsetMs, emulatorFrozenAt } as Pick<
    Updateable<Tables['installation']>,
    'emulatorOffsetMs' | 'emulatorFrozenAt'
  >
}

async function endLeases({ engine, builder }: DatabaseSession, run: RunQuery): Promise<void> {
  const theirs = sql`select (extract(epoch from clock_timestamp()) * 1000)::bigint`.compile(builder)
  const now = engine === 'postgres' ? Number((await run(theirs))[0]?.[0]) : Date.now()
  const steps = planCommit(changeQueries(flavours[engine]), [{ kind: 'leases.end', now }], null)
  for (const { statement, values } of steps) await run(CompiledQuery.raw(statement.sql, [...values]))
}

/** In an order that no engine and no migration changes. */
async function columnsOf({ engine, builder, run }: DatabaseSession, table: string): Promise<string[]> {
  const name = inSql(table)
  const query =
    engine === 'sqlite'
      ? sql`select name from pragma_table_info(${name}) order by cid`
      : sql`select column_name::text from information_schema.columns
          where table_schema = current_schema() and table_name = ${name} order by ordinal_position`
  return (await run(query.compile(builder))).map(([column]) => String(column)).sort()
}

async function copyTable(
  table: CopiedTable,
  source: DatabaseSession,
  target: DatabaseSession,
  run: RunQuery,
  onRows: (bytes: number) => void,
): Promise<TableDigest> {
  const sent = await summed(pagesOf(table, source, source.run), async (page, bytes) => {
    await run(insertion(table, target, page))
    onRows(bytes)
  })
  const found = await summed(pagesOf(table, target, run), async () => undefined)
  if (sent.rows === found.rows && sent.sha256 === found.sha256) return sent
  throw new Error(
    `The ${found.rows} rows of ${table.name} at the target are not the ${sent.rows} that were sent.`,
  )
}

/** All rows in the order of the primary key, by values and not by offsets. */
async function* pagesOf(
  { name, key, columns }: CopiedTable,
  { builder, engine }: DatabaseSession,
  run: RunQuery,
): AsyncGenerator<readonly SqlRow[]> {
  const keyed = sql.join(key.map((column) => sql.ref(column)))
  const read = (column: string) => (isBytes(name, column) ? bytesAsText[engine] : sql.ref(column))
  const select = sql`select ${sql.join(columns.map(read))} from ${sql.table(name)}`
  const limit = columns.some((column) => isBytes(name, column)) ? PAGE_WITH_BYTES : PAGE
  let behind: readonly SqlValue[] | undefined
  for (;;) {
    const where = behind ? sql`where (${keyed}) > (${sql.join(behind)})` : sql``
    const page = await run(sql`${select} ${where} order by ${keyed} limit ${limit}`.compile(builder))
    if (page.length > 0) yield page
    if (page.length < limit) return
    const last = page.at(-1) ?? []
    behind = key.map((column) => last[columns.indexOf(column)] as SqlValue)
  }
}

/** One parameter for all rows: thousands of them would take longer to parse than to insert. */
function insertion(
  { name, columns }: CopiedTable,
  { engine, builder }: DatabaseSession,
  rows: readonly SqlRow[],
) {
  const json = JSON.stringify(
    rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]]))),
  )
  const names = sql.join(columns.map((column) => sql.ref(column)))
  const fromJson = (column: string) => {
    const value = sql`value ->> ${sql.lit(column)}`
    return isBytes(name, column) ? sql`unhex(substr(${value}, 3))` : value
  }
  const values =
    engine === 'sqlite'
      ? sql`select ${sql.join(columns.map(fromJson))} from json_each(${json})`
      : sql`select ${names} from json_populate_recordset(null::${sql.table(name)}, ${json}::json)`
  return sql`insert into ${sql.table(name)} (${names}) ${values}`.compile(builder)
}

/** Takes each page. */
async function summed(
  pages: AsyncIterable<readonly SqlRow[]>,
  take: (page: readonly SqlRow[], bytes: number) => Promise<unknown>,
): Promise<TableDigest> {
  const hash = createHash('sha256')
  let rows = 0
  for await (const page of pages) {
    const text = page.map((row) => `${JSON.stringify(row)}\n`).join('')
    hash.update(text)
    rows += page.length
    await take(page, text.length)
  }
  return { rows, sha256: hash.digest('hex') }
}

/** On PostgreSQL a trigger that counts many rows in one transaction takes quadratic time. */
async function pauseCounting(
  { engine, builder }: DatabaseSession,
  run: RunQuery,
  pause: boolean,
): Promise<void> {
  if (engine === 'sqlite') return
  const verb = pause ? 'disable' : 'enable'
  await run(sql.raw(`alter table files ${verb} trigger files_counted`).compile(builder))
}

async function countFiles({ engine, builder }: DatabaseSession, run: RunQuery): Promise<void> {
  await run(builder.deleteFrom('fileCounts').compile())
  await run(
    sql`insert into file_counts (project_id, state, stripe, files)
      select project_id, state, 0, count(*) from files where state <> 'deleted' group by project_id, state`.compile(
      builder,
    ),
  )
  // SQLite was told what to plan for when the tables were made.
  if (engine === 'postgres') await run(sql`analyze`.compile(builder))
}

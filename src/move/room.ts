import { statfs } from 'node:fs/promises'
import { sql } from 'kysely'
import type { DatabaseSession } from '../metadata/migrations/migrate.ts'

const MEBIBYTE = 1024 ** 2

/** @throws Error in one sentence if the disk of a folder has no room for so many bytes */
export async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (bytes <= free) return
  throw new Error(
    `The disk of ${folder} has ${Math.floor(free / MEBIBYTE)} MiB of room, and ${Math.ceil(bytes / MEBIBYTE)} MiB are needed; make room, or name another folder.`,
  )
}

/** What the rows of a database take on its disk, about. */
export async function databaseBytes({ engine, builder, run }: DatabaseSession): Promise<number> {
  const size =
    engine === 'sqlite'
      ? sql`select page_count * page_size from pragma_page_count, pragma_page_size`
      : sql`select pg_database_size(current_database())`
  return Number((await run(size.compile(builder)))[0]?.[0])
}

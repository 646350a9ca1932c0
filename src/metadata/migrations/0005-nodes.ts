import { sql } from 'kysely'
import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/** Which processes use the database, who of them writes a blob, and the rate limits that they share. */
export const nodes: Migration = (db, engine) => {
  const { integer } = flavours[engine].columnTypes
  const table = db.schema
    .createTable('nodes')
    .addColumn('id', integer, (column) => column.notNull().primaryKey())
    .addColumn('seenAt', integer, (column) => column.notNull())
  return [
    engine === 'sqlite' ? table.modifyEnd(sql`strict`) : table,
    db.schema.alterTable('unreferencedBlobs').addColumn('node', integer),
    ...(engine === 'postgres' ? sharedRateLimits : []),
  ]
}

/**
 * Nothing is lost with the buckets but a second of patience: they need no log. Names are taken in order, so that no two
 * calls wait for each other in a circle. Times are in milliseconds, those of the database unless `at` says otherwise.
 */
const sharedRateLimits = [
  sql`create unlogged table rate_buckets (
    name text collate "C" primary key, tokens float8 not null, filled_at float8 not null
  ) with (fillfactor = 50)`,
  sql`create function lease_tokens(names text[], limits float8[], wanted float8[], returned float8[], at float8)
    returns table (bucket text, granted float8, remaining float8) language plpgsql as $$
    declare
      place int;
      present float8;
      since float8;
    begin
      for place in select n from generate_subscripts(names, 1) as n order by names[n] collate "C" loop
        bucket := names[place];
        insert into rate_buckets (name, tokens, filled_at)
          values (bucket, limits[place], coalesce(at, extract(epoch from clock_timestamp()) * 1000))
          on conflict do nothing;
        select tokens, filled_at into remaining, since from rate_buckets where name = bucket for update;
        present := coalesce(at, extract(epoch from clock_timestamp()) * 1000);
        -- The clock was set back: nobody should wait for the time before.
        if since > present + 5000 then since := present; end if;
        remaining := least(limits[place],
          remaining + returned[place] + greatest(0, present - since) / 1000 * limits[place]);
        granted := least(wanted[place], floor(remaining));
        remaining := remaining - granted;
        update rate_buckets set tokens = remaining, filled_at = greatest(present, since) where name = bucket;
        return next;
      end loop;
    end $$`,
]

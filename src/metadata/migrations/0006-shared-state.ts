import { sql } from 'kysely'
import { flavours } from '../sql/flavours.ts'
import type { Migration } from './migrate.ts'

/**
 * Which process works on an idempotent request, where the bytes were looked for first, and rate limits that may be forgotten
 * at any moment.
 */
export const sharedState: Migration = (db, engine) => [
  db.schema.alterTable('answers').addColumn('node', flavours[engine].columnTypes.integer),
  db.schema.alterTable('installation').addColumn('bytesPlace', flavours[engine].columnTypes.text),
  ...(engine === 'postgres' ? [leaseTokens] : []),
]

/** As before, except that a bucket which is dropped between two statements is made again. */
const leaseTokens = sql`
  create or replace function lease_tokens(
    names text[], limits float8[], wanted float8[], returned float8[], at float8
  ) returns table (bucket text, granted float8, remaining float8) language plpgsql as $$
  declare
    place int;
    present float8;
    since float8;
  begin
    for place in select n from generate_subscripts(names, 1) as n order by names[n] collate "C" loop
      bucket := names[place];
      loop
        select tokens, filled_at into remaining, since from rate_buckets where name = bucket for update;
        exit when found;
        insert into rate_buckets (name, tokens, filled_at)
          values (bucket, limits[place], coalesce(at, extract(epoch from clock_timestamp()) * 1000))
          on conflict do nothing;
      end loop;
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
  end $$`

/**
 * Fails a run in which a test of PostgreSQL or S3 was skipped, or none was run, if `ENTREPOT_TEST_REQUIRED` names the store as
 * `postgres` or `s3`. A reason that begins with "only" says where a test belongs, and is none; any other says what is missing.
 */
import { basename } from 'node:path'
import type { TestEvent } from 'node:test/reporters'

type Ended = Extract<TestEvent, { type: 'test:pass' }>['data']

const named = process.env.ENTREPOT_TEST_REQUIRED?.split(',') ?? []
const required = ['postgres', 's3'].filter((store) => named.includes(store))
/** What whole servers are started on, besides SQLite and a disk. */
const everywhere = [process.env.ENTREPOT_TEST_STORES, process.env.ENTREPOT_TEST_BLOBS]

export default async function* requiredReporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const missing = new Set(required)
  for await (const { type, data } of events) {
    if (type !== 'test:pass') continue
    const stores = required.filter((store) => isOf(store, data))
    if (data.skip === undefined) for (const store of stores) missing.delete(store)
    else if (stores.length > 0 && !String(data.skip).startsWith('only '))
      yield failure(`"${data.name}" was skipped # ${data.skip}`)
  }
  for (const store of missing) yield failure(`no test of ${store} was run`)
}

/** By the name of the file that was run, which may have its tests from a suite of several stores; or because all of them are. */
function isOf(store: string, { file = '', entryFile = file }: Ended): boolean {
  return everywhere.includes(store) || basename(entryFile).includes(store)
}

function failure(what: string): string {
  process.exitCode = 1
  return `✖ ENTREPOT_TEST_REQUIRED is ${named}, but ${what}\n`
}

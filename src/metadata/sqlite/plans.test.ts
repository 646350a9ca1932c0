import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type TestContext } from 'node:test'
import type { FileState } from '../../core/files/file.ts'
import type { FileFilter, FileOrderField } from '../../core/ports/metadata-store.ts'
import { lapsedAnswerQueries } from '../queries/answers.ts'
import { blobQueries } from '../queries/blobs.ts'
import { FileListings } from '../queries/file-listings.ts'
import { fileQueries } from '../queries/files.ts'
import { segmentQueries } from '../queries/segments.ts'
import { sessionChanges } from '../queries/sessions.ts'
import { totalQueries } from '../queries/totals.ts'
import { usageQueries } from '../queries/usage.ts'
import { FOLDED_CONTAINS, IS_WORTH_A_LOOK } from '../sql/fold-case.ts'
import { SqliteEngine } from './sqlite.ts'

interface Planned {
  readonly sql: string
}

/** What SQLite would do for a query, on a new database. */
async function startPlanner(t: TestContext) {
  const dataDir = mkdtempSync(join(tmpdir(), 'entrepot-plans-'))
  t.after(() => rmSync(dataDir, { recursive: true }))
  const engine = await SqliteEngine.open({ dataDir, onFatal: assert.ifError })
  await engine.close()
  const db = new DatabaseSync(join(dataDir, 'entrepot.db'), { readOnly: true })
  t.after(() => db.close())
  for (const name of [FOLDED_CONTAINS, IS_WORTH_A_LOOK]) db.function(name, { varargs: true }, () => 1)
  const planOf = ({ sql }: Planned) => {
    const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all()
    return rows.map(({ detail }) => detail).join('; ')
  }
  return { engine, planOf, listings: new FileListings(engine.flavour) }
}

function filterOf(...states: FileState[]): FileFilter {
  return { projectId: 'p', states, visibleAt: 0 }
}
const stored = filterOf('stored')
const after = { createdAt: 0, name: '', id: '', sizeBytes: 0 }

test('listings, counts and sweeps are served by their indexes, in order', async (t) => {
  const { engine, planOf, listings } = await startPlanner(t)
  const files = fileQueries(engine.flavour)
  const blobs = blobQueries(engine.flavour.builder)
  const totals = totalQueries(engine.flavour.builder)
  const segments = segmentQueries(engine.flavour.builder)
  const { purge: purgeSessions } = sessionChanges(engine.flavour.builder)
  const { purge, countLapsed } = lapsedAnswerQueries(engine.flavour.builder)
  const expected: [Planned, RegExp][] = [
    [listings.list(filterOf('stored', 'pending')), /INDEX files_listed/],
    [listings.list(stored), /INDEX files_listed/],
    [listings.count(filterOf('stored', 'pending')), /PRIMARY KEY .*INDEX files_ending/],
    [listings.count(stored), /PRIMARY KEY .*INDEX files_ending/],
    [listings.list({ ...stored, subject: '' }), /INDEX files_listed/],
    [
      listings.count({ ...stored, subject: '' }),
      /PRIMARY KEY .*INDEX files_ending.*COVERING INDEX files_hidden/,
    ],
    [listings.hidden({ ...stored, subject: '' }), /INDEX files_hidden/],
    [files.ofAlias, /INDEX files_alias \(project_id=\? AND alias=\?\)/],
    [files.lapsed, /INDEX files_lapsing/],
    [files.expired, /INDEX files_expiring/],
    [blobs.collectable, /INDEX unreferenced_blobs_due/],
    [blobs.known, /INDEX files_blob.*INDEX segments_blob/],
    [blobs.whole, /INDEX files_blob/],
    [blobs.segments, /INDEX segments_blob/],
    [segments.list, /INDEX sqlite_autoindex_segments_1/],
    [segments.bytes, /INDEX sqlite_autoindex_segments_1/],
    [
      segments.segmented,
      /SEARCH files USING INDEX sqlite_autoindex_files_1.*INDEX sqlite_autoindex_segments_1/,
    ],
    [segments.releaseAllBlobs, /INDEX sqlite_autoindex_segments_1/],
    [purgeSessions[0], /INDEX sessions_over/],
    [purgeSessions[1], /INDEX grant_sessions_over/],
    [purge, /INDEX answers_free/],
    [countLapsed, /INDEX answers_free/],
  ]
  for (const [query, index] of expected) {
    assert.match(planOf(query), index)
    assert.doesNotMatch(planOf(query), /SCAN (?!CONSTANT|lapsed|json_each)|TEMP B-TREE/)
  }
  assert.equal(planOf(fileQueries(engine.flavour).unnormalized), 'SCAN files USING INDEX files_to_normalize')
  // Most of the time it is empty.
  assert.match(planOf(files.toJoin), /^SCAN files USING INDEX files_to_join$/)
  // In the order of the index, so that its limit bounds how many are looked at.
  assert.match(planOf(totals.unreferenced), /SCAN unreferenced_blobs USING INDEX unreferenced_blobs_due; /)
})

test('a page of one field is read off its index, from the cursor on', async (t) => {
  const { planOf, listings } = await startPlanner(t)
  const expected: [FileOrderField, FileFilter, RegExp, RegExp][] = [
    [
      'createdAt',
      stored,
      /INDEX files_listed \(project_id=\?\)/,
      /INDEX files_listed \(project_id=\? AND \(created_at,id\)[<>]\(\?,\?\)\)/,
    ],
    [
      'createdAt',
      filterOf('stored', 'pending'),
      /INDEX files_listed \(project_id=\?\)/,
      /INDEX files_listed \(project_id=\? AND \(created_at,id\)[<>]\(\?,\?\)\)/,
    ],
    [
      'name',
      stored,
      /INDEX files_by_name \(project_id=\?\)/,
      /INDEX files_by_name \(project_id=\? AND \(name,id\)[<>]\(\?,\?\)\)/,
    ],
    [
      'sizeBytes',
      stored,
      /INDEX files_by_size \(project_id=\?\)/,
      /INDEX files_by_size \(project_id=\? AND \(size_bytes,id\)[<>]\(\?,\?\)\)/,
    ],
    [
      'sizeBytes',
      { ...stored, origin: '' },
      /INDEX files_by_size \(project_id=\?\)/,
      /INDEX files_by_size \(project_id=\? AND \(size_bytes,id\)[<>]\(\?,\?\)\)/,
    ],
    [
      'id',
      stored,
      /INDEX files_by_id \(project_id=\?\)/,
      /INDEX files_by_id \(project_id=\? AND \(?id\)?[<>]\(?\?\)?\)/,
    ],
  ]
  for (const [field, filter, first, later] of expected) {
    for (const descending of [true, false]) {
      const order = [{ field, descending }]
      for (const [query, index] of [
        [listings.page(filter, { order }), first],
        [listings.page(filter, { order, after }), later],
      ] as const) {
        assert.match(planOf(query), index)
        assert.doesNotMatch(planOf(query), /SCAN|TEMP B-TREE/)
      }
    }
  }
})

test('a page of several fields sorts no more than the ties of the first', async (t) => {
  const { planOf, listings } = await startPlanner(t)
  for (const [one, other] of [
    ['name', 'createdAt'],
    ['createdAt', 'name'],
  ] as const) {
    for (const descending of [true, false]) {
      const order = [
        { field: one, descending: false },
        { field: other, descending },
      ]
      const plan = planOf(listings.page(stored, { order, after }))
      assert.match(
        plan,
        one === 'name'
          ? /files_by_name \(project_id=\? AND name>\?\)/
          : /files_listed \(project_id=\? AND created_at>\?\)/,
      )
      assert.match(plan, /TEMP B-TREE FOR LAST/)
    }
  }
})

test('a name is looked up by an index for each way that a row can have it, no further than the page', async (t) => {
  const { planOf, listings } = await startPlanner(t)
  const isNormal = /^SEARCH files USING INDEX files_by_name \(project_id=\? AND name=\?/
  const isOther = /^SEARCH files USING INDEX files_by_normal_name \(project_id=\? AND normal_name=\?/
  for (const [name, expected] of [
    ['\u00e9', [isNormal, isOther]],
    ['e\u0301', [isNormal, isOther, isNormal]],
  ] as const) {
    const filter = { ...stored, name }
    const byId = [{ field: 'id', descending: true }] as const
    const inOrder = [listings.page(filter, { order: byId }), listings.page(filter, { order: byId, after })]
    const newest = listings.page(filter, { order: [{ field: 'createdAt', descending: true }], after })
    for (const query of [listings.count(filter), newest, ...inOrder]) {
      const plan = planOf(query)
      assert.doesNotMatch(plan, /SCAN (?!CONSTANT|way)/)
      const searches = plan.split('; ').filter((step) => step.startsWith('SEARCH'))
      assert.equal(searches.length, expected.length, plan)
      for (const [i, search] of searches.entries()) assert.match(search, expected[i] as RegExp)
    }
    for (const query of inOrder) assert.doesNotMatch(planOf(query), /SEARCH [^;]+; USE TEMP B-TREE/)
  }
})

test('what a filter names is looked up, whatever the order', async (t) => {
  const { planOf, listings } = await startPlanner(t)
  const expected: [Partial<FileFilter>, RegExp][] = [
    [{ ids: [] }, /INDEX \S+ \((project_id=\? AND )?id=\?\)/],
    [{ name: '' }, /INDEX files_by_name \(project_id=\? AND name=\?/],
    [{ externalId: '' }, /INDEX files_by_external_id \(project_id=\? AND external_id=\?/],
  ]
  for (const [given, index] of expected) {
    const filter = { ...stored, ...given }
    assert.match(planOf(listings.count(filter)), index)
    for (const field of ['createdAt', 'name', 'id'] as const) {
      const order = [{ field, descending: true }]
      assert.match(planOf(listings.page(filter, { order })), index)
      assert.match(planOf(listings.page(filter, { order, after })), index)
    }
  }
})

test('uploads that wait are found by their ends, in the orders in which they are listed', async (t) => {
  const { planOf, listings } = await startPlanner(t)
  const filter = { ...filterOf('pending'), openUploads: true } as const
  for (const field of ['createdAt', 'name', 'sizeBytes'] as const)
    for (const cursor of [{}, { after }]) {
      const plan = planOf(listings.page(filter, { order: [{ field, descending: true }], ...cursor }))
      assert.match(plan, /^SEARCH files USING INDEX files_lapsing \(upload_expires_at>\?\)/)
    }
})

test('a reservation is found by the key of its blob', async (t) => {
  const { engine, planOf } = await startPlanner(t)
  for (const statement of usageQueries(engine.flavour.builder).giveBack) {
    assert.doesNotMatch(planOf(statement), /SCAN/)
  }
})

test('a search in the rows that an index tells of looks at no others, and one that asks goes in the order of the page', async (t) => {
  const { planOf, listings } = await startPlanner(t)
  const filter = { ...stored, nameContains: 'x', origin: '', subject: '' }
  for (const [field, index] of [
    ['createdAt', 'files_listed'],
    ['name', 'files_by_name'],
    ['sizeBytes', 'files_by_size'],
  ] as const) {
    const page = { order: [{ field, descending: true }], after }
    for (const query of [listings.page(filter, page, 'rows'), listings.count(filter, 'rows')]) {
      const searches = planOf(query)
        .split('; ')
        .filter((step) => /^(SEARCH|SCAN) files/.test(step))
      assert.deepEqual(searches, [
        'SEARCH files USING INTEGER PRIMARY KEY (rowid=?)',
        'SEARCH files USING INTEGER PRIMARY KEY (rowid>?)',
      ])
    }
    const asking = planOf(listings.page(filter, page, 'asking'))
    assert.match(asking, new RegExp(`INDEX ${index} \\(project_id=\\? AND `))
    assert.doesNotMatch(asking, /TEMP B-TREE/)
  }
})

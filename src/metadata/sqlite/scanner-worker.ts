import type { StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { SqlRow } from '../engine.ts'
import { IS_WORTH_A_LOOK } from '../sql/fold-case.ts'
import type { SqlValue } from '../sql/tables.ts'
import { openReadingConnection } from './connection.ts'
import { type SqliteFailure, sqliteFailure } from './errors.ts'
import { type FoundRows, type IndexedBatch, NameIndex, type NamePart } from './name-index.ts'

/** Of a page in some order so many files are looked at before it is known which of them can be in it. */
const SOON_ROWS = 20_000

/** A query by its number, which stands for the same text always. */
export interface ScanOrder {
  readonly id: number
  readonly sql: string
  readonly values: readonly SqlValue[]
  /** Where the name has to have a part in it. */
  readonly narrowed?: NarrowedOrder
}

export interface NarrowedOrder extends NamePart {
  /** The same query of the rows that an index tells of. */
  readonly ofRows: RowsOrder
  /** The same query, which asks of each row whether to look at it. */
  readonly asking: Statement
}

type Statement = Pick<ScanOrder, 'id' | 'sql' | 'values'>

export interface RowsOrder extends Statement {
  /** In `values` the places of the rows, as JSON, and of the row behind which all are looked at. */
  readonly rowsAt: readonly number[]
  readonly rowToAt: readonly number[]
}

/** `index`: the next batch of names. */
export type ScannerOrder = ScanOrder | 'index'

export type ScannerReport =
  | { readonly rows: readonly SqlRow[] }
  | { readonly indexed: IndexedBatch }
  | { readonly failure: SqliteFailure }

function serve(): void {
  const port = parentPort
  if (port === null) throw new Error('This module runs in a worker thread')
  const db = openReadingConnection(workerData as string)
  const names = new NameIndex(workerData as string, db)
  const prepared = new Map<number, StatementSync>()

  let isWorthALook: (row: number) => boolean = () => true
  db.function(IS_WORTH_A_LOOK, { deterministic: true }, (row) => Number(isWorthALook(Number(row))))

  function run({ id, sql, values }: Statement): readonly SqlRow[] {
    let statement = prepared.get(id)
    if (statement === undefined) {
      statement = db.prepare(sql)
      statement.setReturnArrays(true)
      prepared.set(id, statement)
    }
    return statement.all(...values) as unknown as SqlRow[]
  }

  function scan({ narrowed, ...whole }: ScanOrder): readonly SqlRow[] {
    if (narrowed === undefined) return run(whole)
    try {
      return names.search(narrowed, (found) => {
        if (found === undefined) return run(whole)
        if (found.rows !== undefined) return run(withRows(narrowed.ofRows, found.rows, found.rowTo))
        return scanMany(narrowed.asking, found)
      })
    } catch (error) {
      // Without the index it takes longer. `index` makes it anew.
      names.dropIfDamaged(error)
      return run(whole)
    }
  }

  /** What many files have is soon found in whatever order, unless it is all at the end. */
  function scanMany(asking: Statement, { toPredicate }: FoundRows): readonly SqlRow[] {
    let rows = 0
    isWorthALook = () => {
      if (++rows > SOON_ROWS) throw new Error('It is not found soon')
      return true
    }
    try {
      return run(asking)
    } catch (error) {
      if (rows <= SOON_ROWS) throw error
      isWorthALook = toPredicate()
      return run(asking)
    }
  }

  function report(order: ScannerOrder): ScannerReport {
    try {
      return order === 'index' ? { indexed: names.catchUp() } : { rows: scan(order) }
    } catch (error) {
      return { failure: sqliteFailure(error) }
    }
  }

  port.on('message', (order: ScannerOrder) => port.postMessage(report(order)))
}

function withRows(order: RowsOrder, rows: readonly number[], rowTo: number): Statement {
  const { rowsAt, rowToAt } = order
  const values = [...order.values]
  for (const at of rowsAt) values[at] = JSON.stringify(rows)
  for (const at of rowToAt) values[at] = rowTo
  return { id: order.id, sql: order.sql, values }
}

serve()

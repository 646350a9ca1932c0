import type { StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { SqlRow } from '../engine.ts'
import type { SqlValue } from '../sql/tables.ts'
import { openReadingConnection } from './connection.ts'
import { type SqliteFailure, sqliteFailure } from './errors.ts'
import { type FoundRows, type IndexedBatch, NameIndex, type NamePart } from './name-index.ts'

/** A query by its number, which stands for the same text always. */
export interface ScanOrder {
  readonly id: number
  readonly sql: string
  readonly values: readonly SqlValue[]
  /** Where the name has to have a part in it: the same query of some rows alone. */
  readonly narrowed?: NarrowedOrder
}

export interface NarrowedOrder extends Pick<ScanOrder, 'id' | 'sql' | 'values'>, NamePart {
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

  function run({ id, sql, values }: Pick<ScanOrder, 'id' | 'sql' | 'values'>): readonly SqlRow[] {
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
      return names.search(narrowed, (found) => run(found ? withRows(narrowed, found) : whole))
    } catch {
      // Without the index it takes longer. `index` mends what can be mended.
      names.close()
      return run(whole)
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

function withRows({ rowsAt, rowToAt, ...order }: NarrowedOrder, { rows, rowTo }: FoundRows) {
  const values = [...order.values]
  for (const at of rowsAt) values[at] = JSON.stringify(rows)
  for (const at of rowToAt) values[at] = rowTo
  return { ...order, values }
}

serve()

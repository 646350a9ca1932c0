import type { StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { SqlRow } from '../engine.ts'
import type { SqlValue } from '../sql/tables.ts'
import { openReadingConnection } from './connection.ts'
import { type SqliteFailure, sqliteFailure } from './errors.ts'

/** A query by its number, which stands for the same text always. */
export interface ScanOrder {
  readonly id: number
  readonly sql: string
  readonly values: readonly SqlValue[]
}

export type ScanReport = { readonly rows: readonly SqlRow[] } | { readonly failure: SqliteFailure }

function serve(): void {
  const port = parentPort
  if (port === null) throw new Error('This module runs in a worker thread')
  const db = openReadingConnection(workerData as string)
  const prepared = new Map<number, StatementSync>()

  function statementOf({ id, sql }: ScanOrder): StatementSync {
    const known = prepared.get(id)
    if (known !== undefined) return known
    const statement = db.prepare(sql)
    statement.setReturnArrays(true)
    prepared.set(id, statement)
    return statement
  }

  function scan(order: ScanOrder): ScanReport {
    try {
      return { rows: statementOf(order).all(...order.values) as unknown as SqlRow[] }
    } catch (error) {
      return { failure: sqliteFailure(error) }
    }
  }

  port.on('message', (order: ScanOrder) => port.postMessage(scan(order)))
}

serve()

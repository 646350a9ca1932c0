import { parentPort, workerData } from 'node:worker_threads'
import { type Durability, openWritingConnection } from './sqlite-connection.ts'
import { type FailedCommit, type FlatCommit, GroupWriter, type LearntStatement } from './sqlite-group.ts'

/** What the main thread sends. */
export type WriterOrder =
  | { readonly statements: readonly LearntStatement[]; readonly commits: readonly FlatCommit[] }
  | 'close'

/** What comes back: one report per group, in order. */
export type WriterReport =
  | { readonly kind: 'ready'; readonly durability: Durability }
  | { readonly kind: 'done'; readonly failures: readonly FailedCommit[] }
  | { readonly kind: 'fatal'; readonly message: string }
  | { readonly kind: 'closed' }

export interface WriterData {
  readonly path: string
}

function serve(): void {
  const port = parentPort
  if (port === null) throw new Error('This module runs in a worker thread')
  const report = (message: WriterReport) => port.postMessage(message)
  const { db, ...durability } = openWritingConnection((workerData as WriterData).path)
  const writer = new GroupWriter(db)

  port.on('message', (order: WriterOrder) => {
    if (order === 'close') {
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      db.close()
      report({ kind: 'closed' })
      port.close()
      return
    }
    writer.learn(order.statements)
    const { failures, fatal } = writer.run(order.commits)
    report({ kind: 'done', failures })
    const trouble = fatal ?? writer.checkpoint()
    if (trouble === undefined) return
    report({ kind: 'fatal', message: trouble })
    // The database is left as it is: closing it would checkpoint, and so write once more.
    port.close()
  })
  report({ kind: 'ready', durability })
}

serve()

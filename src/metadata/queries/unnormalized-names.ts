import { sql } from 'kysely'
import type { NamedFile } from '../../core/ports/changes.ts'
import type { SqlEngine } from '../engine.ts'
import { prepare, type Query } from '../sql/prepare.ts'
import { recordShape } from '../sql/record-shape.ts'

export const namedShape = recordShape<NamedFile>({ id: 'plain', name: 'plain' })

/** Names beyond ASCII whose normal form is not filled in. The conditions are those of the index `files_to_normalize`. */
export function unnormalizedNames({
  builder,
  byteLength,
}: Pick<SqlEngine, 'builder' | 'byteLength'>): Query<{ readonly limit: number }> {
  return prepare((arg) =>
    builder
      .selectFrom('files')
      .select(namedShape.fields)
      .where('normalName', 'is', null)
      .where(byteLength('name'), '>', sql<number>`length(${sql.ref('name')})`)
      .where('state', '<>', sql.lit('deleted'))
      .orderBy('id')
      .limit(arg('limit')),
  )
}

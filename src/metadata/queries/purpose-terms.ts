import { type Expression, type SqlBool, sql } from 'kysely'
import type { PurposeFilter, PurposeTerm } from '../../core/ports/purpose-filter.ts'
import type { SqlFlavour } from '../sql/flavours.ts'
import type { ListingArg, ListingArgs } from './file-filters.ts'

/** The same for filters that differ in values alone. */
export function purposeShape(purpose: PurposeFilter | undefined): string {
  if (purpose === undefined) return 'any'
  return purpose.anyOf.map((term) => Object.keys(term).sort().join('&')).join('|')
}

/** The values of the terms, each under the index of its term. */
export function purposeArgs({ anyOf }: PurposeFilter): Partial<ListingArgs> {
  return Object.fromEntries(anyOf.flatMap(argsOfTerm)) as Partial<ListingArgs>
}

function argsOfTerm(term: PurposeTerm, index: number): [name: string, value: unknown][] {
  if ('in' in term) return [[`purposes ${index}`, term.in]]
  if ('notIn' in term) return [[`purposes ${index}`, term.notIn]]
  return [
    [`with ${index}`, term.nameEndsWith ?? ''],
    [`without ${index}`, term.nameEndsNotWith ?? ''],
  ]
}

/** Whether a file's purpose fits one of the terms. */
export function hasPurpose(
  flavour: SqlFlavour,
  { anyOf }: PurposeFilter,
  arg: ListingArg,
): Expression<SqlBool> {
  const terms = anyOf.map((term, index) => fits(flavour, term, index, arg))
  return sql<SqlBool>`(${terms.length > 0 ? sql.join(terms, sql` or `) : sql`1 = 0`})`
}

function fits(
  { isOneOf }: SqlFlavour,
  term: PurposeTerm,
  index: number,
  arg: ListingArg,
): Expression<SqlBool> {
  const isNamed = () => isOneOf(sql.ref('purpose'), arg(`purposes ${index}` as const))
  if ('in' in term) return isNamed()
  if ('notIn' in term) return sql`(purpose is not null and not (${isNamed()}))`
  const conditions = [sql`purpose is null`]
  if (term.nameEndsWith !== undefined) conditions.push(nameEndsWith(arg(`with ${index}` as const)))
  if (term.nameEndsNotWith !== undefined)
    conditions.push(sql`not ${nameEndsWith(arg(`without ${index}` as const))}`)
  return sql`(${sql.join(conditions, sql` and `)})`
}

/** A place before the first would count from the end on SQLite. */
function nameEndsWith(suffix: string) {
  const ending = sql`lower(cast(${suffix} as text))`
  const start = sql`length(name) - length(cast(${suffix} as text)) + 1`
  return sql<unknown>`(${start} > 0 and lower(substr(name, ${start})) = ${ending})`
}

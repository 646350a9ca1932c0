import {
  type Expression,
  type ExpressionBuilder,
  expressionBuilder,
  type RawBuilder,
  type SelectQueryBuilder,
  type SqlBool,
  sql,
} from 'kysely'
import type { FileState } from '../../core/files/file.ts'
import type { FileFilter, FilePage } from '../../core/ports/metadata-store.ts'
import type { SqlFlavour } from '../sql/flavours.ts'
import { foldCase, IS_WORTH_A_LOOK } from '../sql/fold-case.ts'
import { normalForm, spellingOf } from '../sql/normal-name.ts'
import type { Arg } from '../sql/prepare.ts'
import type { Tables } from '../sql/tables.ts'
import { hasPurpose, purposeArgs, purposeShape } from './purpose-terms.ts'

/** What the queries of listings are bound to, each to some of it. */
export interface ListingArgs
  extends Required<Omit<FileFilter, 'states' | 'purpose' | 'ends' | 'openUploads'>> {
  readonly normalName: string
  /** What stands for the rows that an index tells of, and for the row behind which it tells of none. */
  readonly foundRows: Uint8Array
  readonly rowTo: Uint8Array
  readonly limit: number
  readonly offset: number
  readonly afterCreatedAt: number
  readonly afterName: string
  readonly afterSizeBytes: number
  readonly endsBefore: number
  readonly afterId: string
  /** Of the terms of the filter of purposes, by their index. */
  readonly [purposes: `purposes ${number}`]: readonly string[]
  readonly [suffix: `${'with' | 'without'} ${number}`]: string
}
export type ListingArg = Arg<ListingArgs>

/** A query of files before it says which columns it wants. */
export type Files = SelectQueryBuilder<Tables, 'files', object>

export type FileExpressions = ExpressionBuilder<Tables, 'files'>

export function listingArgs(
  filter: FileFilter,
  { limit = 0, offset = 0, after }: Partial<FilePage> = {},
): ListingArgs {
  const { projectId, visibleAt, ids = [], name = '', externalId = '', subject = '' } = filter
  const { purpose, mimeTypes = [], nameContains = '' } = filter
  const { origin = '', ends, minSizeBytes = 0, maxSizeBytes = 0, createdFrom = 0, createdBefore = 0 } = filter
  const { createdAt: afterCreatedAt, name: afterName, id: afterId, sizeBytes = 0 } = after ?? beginning
  const named = { name, normalName: normalForm(name) }
  return {
    projectId,
    visibleAt,
    ids,
    ...named,
    externalId,
    subject,
    ...(purpose === undefined ? undefined : purposeArgs(purpose)),
    mimeTypes: mimeTypes.map((type) => type.toLowerCase()),
    nameContains: foldCase(nameContains),
    foundRows: FOUND_ROWS,
    rowTo: ROW_TO,
    origin,
    endsBefore: typeof ends === 'number' ? ends : 0,
    minSizeBytes,
    maxSizeBytes,
    createdFrom,
    createdBefore,
    limit,
    offset,
    afterCreatedAt,
    afterName,
    afterSizeBytes: sizeBytes,
    afterId,
  }
}

/** Known by their identity: whoever runs the query puts the rows in their places. */
export const FOUND_ROWS = new Uint8Array()
export const ROW_TO = new Uint8Array()

const beginning = { createdAt: 0, name: '', id: '', sizeBytes: 0 }

/** The same for filters that differ in values alone, which one query serves. */
export function shapeOf(filter: FileFilter): string {
  const { states, name, purpose, ends } = filter
  const told = optional.map((field) => filter[field] !== undefined)
  const ofName = name === undefined ? 'any' : spellingOf(name)
  return `${states}|${ofName}|${told}|${typeof ends}|(${purposeShape(purpose)})`
}

/** Fields that most files have in common with others, and no index of their own that every listing could use. */
const searched = [
  ...(['mimeTypes', 'nameContains', 'origin'] as const),
  ...(['minSizeBytes', 'maxSizeBytes', 'createdFrom', 'createdBefore', 'openUploads'] as const),
]
const optional = ['ids', 'externalId', 'subject', ...searched] as const

/** Whether it is all files of some states, of which at most those are left out that are hidden. */
export function isWhole(filter: FileFilter): boolean {
  return !isNamed(filter) && !isSearch(filter)
}

/** Whether an index has the few files that it may be. */
function isNamed({ ids, name, externalId }: FileFilter): boolean {
  return ids !== undefined || name !== undefined || externalId !== undefined
}

function isSearch(filter: FileFilter): boolean {
  const { purpose, ends } = filter
  return purpose !== undefined || ends !== undefined || searched.some((field) => filter[field] !== undefined)
}

/** Whether an index of names may tell of the rows. */
export function isByPart(filter: FileFilter): boolean {
  return filter.nameContains !== undefined && filter.nameContains !== '' && !isNamed(filter)
}

/** Whether each file of the project may have to be looked at, because it has what no index has. */
export function mayScan(filter: FileFilter): boolean {
  return isSearch(filter) && !isNamed(filter)
}

/**
 * The visible files that the filter names. A name of several spellings is that of a row which has it in the normal form, or
 * has another while its normal form is known, or has it as it is asked for while that is unknown. No row meets two of these,
 * and each has an index.
 */
export function waysTo(flavour: SqlFlavour, filter: FileFilter, arg: ListingArg): readonly Files[] {
  const isText = (field: LongText, text: string) => isTextOf(flavour, field, text)
  const visible = visibleFiles(flavour, filter, arg)
  if (filter.name === undefined) return [visible]
  const spelling = spellingOf(filter.name)
  if (spelling === 'only') return [visible.where(isText('name', arg('name')))]
  const isKnown = isText('normalName', arg('normalName'))
  const ways = [
    visible.where(isText('name', arg('normalName'))),
    visible.where(isKnown).whereRef('normalName', '<>', 'name'),
  ]
  if (spelling === 'normal') return ways
  return [...ways, visible.where(isText('name', arg('name'))).where('normalName', 'is', null)]
}

/**
 * The same files in two ways, if all that have the part of a name are among the rows that an index tells of, and those behind it.
 */
export function waysInRows(flavour: SqlFlavour, filter: FileFilter, arg: ListingArg): readonly Files[] {
  const row = sql.ref<number>('rowid')
  const visible = visibleFiles(flavour, filter, arg, true)
  return [
    visible.where(sql<SqlBool>`${row} in (select value from json_each(${arg('foundRows')}))`),
    visible.where(sql<SqlBool>`${row} > ${arg('rowTo')}`),
  ]
}

/** The same files, of which each is looked at only if a function of the scan says so. It is asked before the row is read. */
export function askingWays(flavour: SqlFlavour, filter: FileFilter, arg: ListingArg): readonly Files[] {
  return [
    visibleFiles(flavour, filter, arg).where(sql<SqlBool>`${sql.raw(IS_WORTH_A_LOOK)}(${sql.ref('rowid')})`),
  ]
}

/** @param isLookedUp whether its rows are found by something else than their project */
function visibleFiles(
  flavour: SqlFlavour,
  filter: FileFilter,
  arg: ListingArg,
  isLookedUp = filter.ids !== undefined || filter.openUploads === true,
): Files {
  const isOfProject = sql<SqlBool>`${sql.ref('projectId')} = ${arg('projectId')}`
  // Files that are named are looked up by their ids, and uploads by their ends. No index serves the second form: where most
  // projects are small, a plan for any of them would read all files of a large one.
  let query = flavour.builder
    .selectFrom('files')
    .where(isLookedUp ? sql<SqlBool>`(${isOfProject}) is true` : isOfProject)
    .where('state', '<>', sql.lit('deleted'))
    .where((eb) => inOneOf(eb, filter.states))
    .where((eb) => isNotOver(eb, arg))
  if (filter.ids !== undefined) query = query.where(flavour.isOneOf(sql.ref('id'), arg('ids')))
  if (filter.externalId !== undefined) query = query.where(isTextOf(flavour, 'externalId', arg('externalId')))
  if (filter.purpose !== undefined) query = query.where(hasPurpose(flavour, filter.purpose, arg))
  if (filter.mimeTypes !== undefined) query = query.where(hasType(flavour, arg))
  if (filter.nameContains !== undefined) query = query.where(flavour.nameContains(arg('nameContains')))
  if (filter.subject !== undefined) query = query.where((eb) => isSeen(flavour, eb, arg))
  return inRanges(query, filter, arg)
}

function inRanges(query: Files, filter: FileFilter, arg: ListingArg): Files {
  let ranged = query
  if (filter.openUploads) ranged = ranged.where('uploadExpiresAt', '>', arg('visibleAt'))
  if (filter.origin !== undefined) ranged = ranged.where('origin', '=', arg('origin'))
  if (filter.ends === 'never') ranged = ranged.where('expiresAt', 'is', null)
  else if (filter.ends !== undefined) ranged = ranged.where('expiresAt', '<', arg('endsBefore'))
  if (filter.minSizeBytes !== undefined) ranged = ranged.where('sizeBytes', '>=', arg('minSizeBytes'))
  if (filter.maxSizeBytes !== undefined) ranged = ranged.where('sizeBytes', '<=', arg('maxSizeBytes'))
  if (filter.createdFrom !== undefined) ranged = ranged.where('createdAt', '>=', arg('createdFrom'))
  if (filter.createdBefore !== undefined) ranged = ranged.where('createdAt', '<', arg('createdBefore'))
  return ranged
}

/** One of the types, or of a kind of which all are asked for. */
function hasType({ isOneOf, before }: SqlFlavour, arg: ListingArg): Expression<SqlBool> {
  const type = sql`lower(rtrim(${before('mimeType', ';')}))`
  const kind = sql`lower(${before('mimeType', '/')}) || '/*'`
  return sql<SqlBool>`(${isOneOf(type, arg('mimeTypes'))} or ${isOneOf(kind, arg('mimeTypes'))})`
}

/**
 * Whether the filter's subject sees a file. Where the project hides none no row is looked at, so that pages which pass over many
 * files read the index alone. A `case` has an order; of an `or` SQLite tries first what looks cheapest.
 */
function isSeen({ builder }: SqlFlavour, { eb, or, exists }: FileExpressions, arg: ListingArg) {
  const anyHidden = builder
    .selectFrom('files as hidden')
    .select('hidden.id')
    .where('hidden.projectId', '=', arg('projectId'))
    .where('hidden.visibility', '=', sql.lit('subject'))
    .where('hidden.state', '<>', sql.lit('deleted'))
  const isSeen = or([eb('visibility', '=', sql.lit('project')), eb('createdBy', '=', arg('subject'))])
  return sql<SqlBool>`case when ${exists(anyHidden)} then ${isSeen} else 1 = 1 end`
}

/** Those that one subject alone sees and that the filter's subject is not. The conditions are those of the index `files_hidden`. */
export function hiddenFiles({ builder }: SqlFlavour, { states }: FileFilter, arg: ListingArg): Files {
  return builder
    .selectFrom('files')
    .where('projectId', '=', arg('projectId'))
    .where('visibility', '=', sql.lit('subject'))
    .where('state', '<>', sql.lit('deleted'))
    .where('createdBy', '<>', arg('subject'))
    .where((eb) => inOneOf(eb, states))
    .where((eb) => isNotOver(eb, arg))
}

function isNotOver({ eb, or }: FileExpressions, arg: ListingArg) {
  return or([
    eb('state', '<>', sql.lit('stored')),
    eb('expiresAt', 'is', null),
    eb('expiresAt', '>', arg('visibleAt')),
  ])
}

/** The states are literals, and one state an equation: only then does a partial index serve the query. */
function inOneOf(eb: FileExpressions, states: readonly FileState[]) {
  const literals = states.map((state) => sql.lit(state))
  return literals.length === 1 ? eb('state', '=', literals[0] as never) : eb('state', 'in', literals)
}

type LongText = 'name' | 'normalName' | 'externalId'

/** Whether a text that may be long is this one. */
function isTextOf({ indexedCharacters: start }: SqlFlavour, field: LongText, text: string) {
  const eb = expressionBuilder<Tables, 'files'>()
  const same = sql<SqlBool>`${sql.ref(field)} = ${text}`
  if (start === undefined) return same
  return eb.and([eb(startOf(sql.ref(field), start), '=', startOf(text, start)), same])
}

/** The beginning of a text, as an index has it. */
export function startOf(text: unknown, characters: number): RawBuilder<string> {
  return sql<string>`left(${text}, ${sql.lit(characters)})`
}

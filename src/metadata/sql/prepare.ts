import { CamelCasePlugin, type Dialect, DummyDriver, Kysely } from 'kysely'
import { StoreError } from '../../core/errors.ts'
import type { Change } from '../../core/ports/changes.ts'
import type { SqlValue, Stored, Tables } from './tables.ts'

/** A query compiled once, with a record of which named argument goes where. */
export interface Query<Args> {
  readonly sql: string
  readonly parameterCount: number
  bind(args: Args): SqlValue[]
}

/** A query that writes. `expects` is the number of rows it must change for its commit to stand. */
export interface Statement<Args> extends Query<Args> {
  readonly expects: number | undefined
}

/** One statement of a commit, with its values. */
export interface Step {
  readonly statement: Omit<Statement<never>, 'bind'>
  readonly values: readonly SqlValue[]
  /** The kind of the change that it is a part of. */
  readonly change: Change['kind']
}

/** Stands for an argument inside a query. */
export type Arg<Args> = <K extends keyof Args & string>(name: K) => Stored<Args>[K]

interface Compilable {
  compile(): { readonly sql: string; readonly parameters: readonly unknown[] }
}

class Placeholder {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** A query builder that only compiles, with the compiler of `dialect`. */
export function compilingBuilder(dialect: Omit<Dialect, 'createDriver'>): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => dialect.createAdapter(),
      createIntrospector: (db) => dialect.createIntrospector(db),
      createQueryCompiler: () => dialect.createQueryCompiler(),
      createDriver: () => new DummyDriver(),
    },
    plugins: [new CamelCasePlugin()],
  })
}

/**
 * Compiles a query whose arguments are named by `arg`.
 * @example prepare<{ id: string }>((arg) => db.selectFrom('files').select('name').where('id', '=', arg('id')))
 */
export function prepare<Args>(build: (arg: Arg<Args>) => Compilable): Query<Args> {
  return compiled(build, toSqlValue)
}

function compiled<Args>(build: (arg: Arg<Args>) => Compilable, toValue: typeof toSqlValue): Query<Args> {
  const { sql, parameters } = build((name) => new Placeholder(name) as never).compile()
  return { sql, parameterCount: parameters.length, bind: compileBinding(parameters, toValue) }
}

/**
 * A function that puts arguments in the order of their places. It is made of text, as validators and serializers of JSON
 * are: a loop over names would be one place in the code that reads every property of every record, and V8 is several times
 * slower there. The names are those in our own queries.
 */
function compileBinding<Args>(
  parameters: readonly unknown[],
  toValue: typeof toSqlValue,
): (args: Args) => SqlValue[] {
  const values = parameters.map((value, index) =>
    value instanceof Placeholder
      ? `toValue(args[${JSON.stringify(value.name)}])`
      : `toValue(parameters[${index}])`,
  )
  const make = new Function('parameters', 'toValue', `return (args) => [${values.join()}]`)
  return make(parameters, toValue)
}

/** A statement that may change any number of rows. */
export function statement<Args>(build: (arg: Arg<Args>) => Compilable): Statement<Args> {
  return { ...compiled(build, toStorable), expects: undefined }
}

/** A statement that must change exactly one row, or its whole commit is a conflict. */
export function guarded<Args>(build: (arg: Arg<Args>) => Compilable): Statement<Args> {
  return { ...compiled(build, toStorable), expects: 1 }
}

/** @throws StoreError `refused` for a text with U+0000, which PostgreSQL cannot hold and SQLite would cut in places */
function toStorable(value: unknown): SqlValue {
  const stored = toSqlValue(value)
  if (typeof stored === 'string' && stored.includes('\0')) {
    throw new StoreError('refused', 'A text with the character U+0000 cannot be stored')
  }
  return stored
}

function toSqlValue(value: unknown): SqlValue {
  if (typeof value === 'string' || typeof value === 'number' || value === null) return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'object') return JSON.stringify(value)
  throw new TypeError(`A ${typeof value} cannot be stored`)
}

/** The value of `key`, made at its first use. For queries that depend on what they are asked for. */
export function kept<K, T>(cache: Map<K, T>, key: K, make: () => T): T {
  let value = cache.get(key)
  if (value === undefined) {
    value = make()
    cache.set(key, value)
  }
  return value
}

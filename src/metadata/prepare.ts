import { CamelCasePlugin, type Dialect, DummyDriver, Kysely } from 'kysely'
import { StoreError } from '../core/errors.ts'
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

/** A statement with its values. */
export interface BoundStatement {
  readonly statement: Omit<Statement<never>, 'bind'>
  readonly values: readonly SqlValue[]
}

/** One statement of a commit. */
export interface Step extends BoundStatement {
  /** The kind of the change that it is a part of. */
  readonly change: string
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
  const { sql, parameters } = build((name) => new Placeholder(name) as never).compile()
  const names = parameters.map((value) => (value instanceof Placeholder ? value.name : undefined))
  return {
    sql,
    parameterCount: parameters.length,
    bind(args) {
      const values: SqlValue[] = []
      for (let i = 0; i < names.length; i++) {
        const name = names[i]
        values.push(toSqlValue(name === undefined ? parameters[i] : args[name as keyof Args]))
      }
      return values
    },
  }
}

/** A statement that may change any number of rows. */
export function statement<Args>(build: (arg: Arg<Args>) => Compilable): Statement<Args> {
  return { ...prepare(build), expects: undefined }
}

/** A statement that must change exactly one row, or its whole commit is a conflict. */
export function guarded<Args>(build: (arg: Arg<Args>) => Compilable): Statement<Args> {
  return { ...prepare(build), expects: 1 }
}

/** @throws StoreError `refused` for a text with U+0000, which PostgreSQL cannot hold and SQLite would cut in places */
export function bound<Args>(statement: Statement<Args>, args: Args): BoundStatement {
  const values = statement.bind(args)
  for (const value of values) {
    if (typeof value === 'string' && value.includes('\0')) {
      throw new StoreError('refused', 'A text with the character U+0000 cannot be stored')
    }
  }
  return { statement, values }
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

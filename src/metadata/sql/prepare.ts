import type { Change } from '../../core/ports/changes.ts'
import type { SqlValue, Stored } from './tables.ts'

/** A query compiled once, whose arguments have names. */
export interface Query<Args> {
  /** Unique in this process. */
  readonly id: number
  readonly sql: string
  /** The values of its places, in order. */
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

type Build<Args> = (arg: Arg<Args>) => {
  compile(): { readonly sql: string; readonly parameters: readonly unknown[] }
}

class Placeholder {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

let lastId = 0

/**
 * Compiles a query whose arguments are named by `arg`.
 * @example prepare<{ id: string }>((arg) => db.selectFrom('files').select('name').where('id', '=', arg('id')))
 */
export function prepare<Args>(build: Build<Args>): Query<Args> {
  const { sql, parameters } = build((name) => new Placeholder(name) as never).compile()
  const bind = (args: Args) =>
    parameters.map((value) =>
      toSqlValue(value instanceof Placeholder ? args[value.name as keyof Args] : value),
    )
  return { id: ++lastId, sql, bind }
}

/** A statement that may change any number of rows. */
export function statement<Args>(build: Build<Args>): Statement<Args> {
  return { ...prepare(build), expects: undefined }
}

/** A statement that must change exactly one row, or its whole commit is a conflict. */
export function guarded<Args>(build: Build<Args>): Statement<Args> {
  return { ...prepare(build), expects: 1 }
}

function toSqlValue(value: unknown): SqlValue {
  if (typeof value === 'string' || typeof value === 'number' || value === null) return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'object') return JSON.stringify(value)
  throw new TypeError(`A ${typeof value} cannot be stored`)
}

import { StoreError } from '../../core/errors.ts'
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
export function prepare<Args>(build: Build<Args>, toValue = toSqlValue): Query<Args> {
  const { sql, parameters } = build((name) => new Placeholder(name) as never).compile()
  const names = parameters.map((value) => (value instanceof Placeholder ? value.name : undefined))
  function bind(args: Args): SqlValue[] {
    const values: SqlValue[] = []
    for (let i = 0; i < names.length; i++) {
      const name = names[i]
      values.push(toValue(name === undefined ? parameters[i] : args[name as keyof Args]))
    }
    return values
  }
  return { id: ++lastId, sql, bind }
}

/** A statement that may change any number of rows. */
export function statement<Args>(build: Build<Args>): Statement<Args> {
  return { ...prepare(build, toStorable), expects: undefined }
}

/** A statement that must change exactly one row, or its whole commit is a conflict. */
export function guarded<Args>(build: Build<Args>): Statement<Args> {
  return { ...prepare(build, toStorable), expects: 1 }
}

/** @throws StoreError `refused` for a text with U+0000, which PostgreSQL cannot hold and SQLite would cut in places */
function toStorable(value: unknown): SqlValue {
  const stored = toSqlValue(value)
  if (typeof stored === 'string' && stored.includes('\0'))
    throw new StoreError('refused', 'A text with the character U+0000 cannot be stored')
  return stored
}

function toSqlValue(value: unknown): SqlValue {
  if (typeof value === 'string' || typeof value === 'number' || value === null) return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof Uint8Array) return value
  if (typeof value === 'object') return JSON.stringify(value)
  throw new TypeError(`A ${typeof value} cannot be stored`)
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Settings that are wrong, one sentence each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** A value that a parser refuses; the message continues the name of the setting. */
export class WrongValue extends Error {}

/**
 * What a text means.
 * @param isGiven false if the operator left the setting out and this is its fallback
 * @throws WrongValue
 */
export type Parser<T> = (text: string, isGiven: boolean) => T

interface Told {
  /** One line of `serve --help`, in lower case; also how the row in README.md begins. */
  readonly help: string
  /** Continues the row in README.md, in Markdown. */
  readonly more?: string
  /** What holds if nothing is set, in Markdown, where `fallback` does not tell it. Left out: none. */
  readonly otherwise?: string
  /** Each server may have a value of its own; other settings must be the same on all servers. */
  readonly own?: true
  /** Servers compare hashes of it, and no difference shows its value. */
  readonly secret?: true
  /** Its name is a standard's, and has no `ENTREPOT_` before it. */
  readonly standard?: true
}

/** A setting: its variable, flag, help, default, row in README.md and comparison between servers derive from this. */
export interface Setting<T = unknown> extends Told {
  /** Without `ENTREPOT_`, if that belongs to it. */
  readonly variable: string
  /** Stands for a value in the help: `seconds`. */
  readonly value: string
  readonly parse: Parser<T>
  /** What holds if nothing is set, as an operator would write it. */
  readonly fallback?: string
}

/** Settings that are read into one value. */
export interface Group<T = unknown> {
  readonly rows: Settings
  readonly combine: (values: never, source: Source) => T
}

export type Settings = Readonly<Record<string, Setting | Group>>

type ValueOf<Row> = Row extends Setting<infer T> | Group<infer T> ? T : never

export type ValuesOf<Rows extends Settings> = { readonly [Name in keyof Rows]: ValueOf<Rows[Name]> }

/** What a group may ask besides the values of its settings. */
export interface Source {
  readonly env: Environment
  readonly problems: string[]
  /** Reports that a setting does not go together with others. */
  refuse(variable: string, sentence: string): void
}

/** Like `SESSION_SECONDS <seconds>`: the flag is then `--session-seconds <seconds>`. */
type Name = `${string} <${string}>`

export function setting<T>(
  name: Name,
  parse: Parser<T>,
  told: Told & { readonly fallback: string },
): Setting<T>
export function setting<T>(name: Name, parse: Parser<T>, told: Told): Setting<T | undefined>
export function setting<T>(name: Name, parse: Parser<T>, told: Told): Setting<T | undefined> {
  const [, variable = '', value = ''] = /^(\w+) <(.*)>$/.exec(name) ?? []
  return { variable, value, parse, ...told }
}

/**
 * @param combine makes the value of the group; it runs also if a setting of it is wrong, whose value is then undefined
 */
export function group<Rows extends Settings, T = ValuesOf<Rows>>(
  rows: Rows,
  combine: (values: ValuesOf<Rows>, source: Source) => T = (values) => values as T,
): Group<T> {
  return { rows, combine }
}

export function environmentName({ variable, standard }: Pick<Setting, 'variable' | 'standard'>): string {
  return standard ? variable : `ENTREPOT_${variable}`
}

/** All settings, those of groups included, in the order of their declaration. */
export function listSettings(rows: Settings): readonly Setting[] {
  return Object.values(rows).flatMap((row) => ('rows' in row ? listSettings(row.rows) : [row]))
}

/** The values in an environment. An empty variable counts as unset. A wrong value is undefined, and told in `problems`. */
export function readSettings<Rows extends Settings>(
  rows: Rows,
  env: Environment,
  problems: string[],
): ValuesOf<Rows> {
  const refuse = (variable: string, sentence: string) => {
    problems.push(`${environmentName({ variable })} ${sentence}`)
  }
  const read = (row: Setting | Group) => {
    if ('rows' in row)
      return row.combine(readSettings(row.rows, env, problems) as never, { env, problems, refuse })
    const given = env[environmentName(row)] || undefined
    const text = given ?? row.fallback
    try {
      return text === undefined ? undefined : row.parse(text, given !== undefined)
    } catch (error) {
      if (!(error instanceof WrongValue)) throw error
      return refuse(row.variable, error.message)
    }
  }
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, read(row)])) as ValuesOf<Rows>
}

/** What holds if nothing is set, in Markdown. */
export function defaultOf({ fallback, otherwise }: Setting): string {
  return otherwise ?? (fallback ? `\`${fallback}\`` : 'none')
}

import type { Command, Option } from 'commander'

/** A word that may come next, and what it does. */
export interface Word {
  readonly text: string
  readonly description: string
}

/** What a shell can know of a command without calling it. */
export interface Place {
  /** The words that lead to it: `entrepot file put`. */
  readonly path: string
  readonly subcommands: readonly Word[]
  readonly options: readonly Word[]
  /** By option: the values that it takes; none where it takes any. */
  readonly values: ReadonlyMap<string, readonly string[]>
}

/** The tree of commands, each before those below it. */
export function placesOf(command: Command, before = ''): readonly Place[] {
  const path = `${before}${command.name()}`
  const options = command.options.filter(({ hidden }) => !hidden)
  const place: Place = {
    path,
    subcommands: command.commands.map((below) => wordOf(below.name(), below.description())),
    options: [
      ...options.flatMap((option) => namesOf(option).map((name) => wordOf(name, option.description))),
      wordOf('--help', 'display help for command'),
    ],
    values: new Map(
      options
        .filter(takesValue)
        .flatMap((option) => namesOf(option).map((name) => [name, option.argChoices ?? []])),
    ),
  }
  return [place, ...command.commands.flatMap((below) => placesOf(below, `${path} `))]
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional
}

function namesOf({ short, long }: Option): readonly string[] {
  return [short, long].filter((name) => name !== undefined && name !== null)
}

function wordOf(text: string, description: string): Word {
  return { text, description: description.replace(/\s+/g, ' ').slice(0, 72) }
}

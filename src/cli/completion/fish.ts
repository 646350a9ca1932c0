import type { Place, Word } from './words.ts'

/** For fish, with what each word does. */
export function fishScript(places: readonly Place[]): string {
  const steps = places.slice(1).map(({ path }) => quoted(path))
  return `function __entrepot_at
    set -l at entrepot
    for word in (commandline -opc)[2..]
        contains -- "$at $word" ${steps.join(' ')}
        and set at "$at $word"
    end
    test "$at" = "$argv[1]"
end
${places.flatMap(linesOf).join('\n')}
`
}

function linesOf({ path, subcommands, options, values }: Place): readonly string[] {
  const here = `complete -c entrepot -n ${quoted(`__entrepot_at ${quoted(path)}`)}`
  return [
    ...subcommands.map((word) => `${here} -f -a ${quoted(word.text)} -d ${quoted(word.description)}`),
    ...options.map((word) => `${here} ${optionOf(word, values)} -d ${quoted(word.description)}`),
  ]
}

function optionOf({ text }: Word, values: Place['values']): string {
  const name = text.startsWith('--') ? `-l ${text.slice(2)}` : `-s ${text.slice(1)}`
  const known = values.get(text)
  if (known === undefined) return name
  return known.length === 0 ? `${name} -r` : `${name} -x -a ${quoted(known.join(' '))}`
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

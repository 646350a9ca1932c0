import type { Place } from './words.ts'

/** For bash. What is no word of ours is completed to a file. */
export function bashScript(places: readonly Place[]): string {
  const steps = places.slice(1).map(({ path }) => `"${path}"`)
  const words = places.map(({ path, subcommands, options }) => {
    const all = [...subcommands, ...options].map(({ text }) => text)
    return `    "${path}") words="${all.join(' ')}" ;;`
  })
  return `_entrepot() {
  local at=entrepot cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} words='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${steps.join(' | ')}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${valueCases(places, (values) => `COMPREPLY=($(compgen -W "${values.join(' ')}" -- "$cur"))`).join('\n')}
  esac
  case "$at" in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _entrepot entrepot
`
}

/** Cases of a shell for options that take a value: those with known values, then all others, which take a file or anything. */
export function valueCases(
  places: readonly Place[],
  offer: (values: readonly string[]) => string,
): readonly string[] {
  const all = places.flatMap(({ path, values }) =>
    [...values].map(([option, known]) => ({ key: `"${path} ${option}"`, known })),
  )
  const chosen = all
    .filter(({ known }) => known.length > 0)
    .map(({ key, known }) => `    ${key}) ${offer(known)}; return ;;`)
  const open = all.filter(({ known }) => known.length === 0).map(({ key }) => key)
  return [...chosen, `    ${open.join(' | ')}) return ;;`]
}

import { valueCases } from './bash.ts'
import type { Place, Word } from './words.ts'

/** For zsh, with what each word does. */
export function zshScript(places: readonly Place[]): string {
  const steps = places.slice(1).map(({ path }) => `"${path}"`)
  const words = places.map(({ path, subcommands, options }) => {
    const all = [...subcommands, ...options].map(shown)
    return `    "${path}") found=(${all.join(' ')}) ;;`
  })
  return `#compdef entrepot
_entrepot() {
  local at=entrepot i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
      ${steps.join(' | ')}) at="$at \${words[i]}" ;;
    esac
  done
  case "$at \${words[CURRENT - 1]}" in
${valueCases(places, (values) => `compadd -- ${values.join(' ')}`)
  .map((line) => line.replace(/\) return ;;$/, ') _files; return ;;'))
  .join('\n')}
  esac
  case "$at" in
${words.join('\n')}
  esac
  _describe entrepot found || _files
}
if [ "$funcstack[1]" = _entrepot ]; then _entrepot "$@"; else compdef _entrepot entrepot; fi
`
}

function shown({ text, description }: Word): string {
  return `'${`${text.replaceAll(':', '\\:')}:${description}`.replaceAll("'", "'\\''")}'`
}

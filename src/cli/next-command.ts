import { readFileSync } from 'node:fs'
import { basename, relative } from 'node:path'
import type { Command } from 'commander'
import { givenFlags } from './settings.ts'

/**
 * A command for the installation of this one, called in the way in which this one was called, to be pasted into a shell.
 * Flags that say where the installation is are repeated; variables are taken to be still there.
 */
export function nextCommand(command: Command, ...words: readonly string[]): string {
  return [program(), ...words.map(quoted), ...givenFlags(command).map(quoted)].join(' ')
}

/** Tells whoever reads along how to make a key for what is new; programs that read the standard output do not see it. */
export function hintAtKey(command: Command, ...options: readonly string[]): void {
  const keyCommand = nextCommand(command, 'key', 'create', ...options)
  process.stderr.write(`No key can use it yet. To make one:\n  ${keyCommand}\n`)
}

/** npm tells by its variables that it was asked, and for what (npm's documentation, "scripts"). */
function program(): string {
  const { npm_command: npm, npm_package_name: name } = process.env
  if (npm === 'exec') return `npx ${npxArguments().map(quoted).join(' ')}`
  if (npm !== undefined && name === 'entrepot') return 'npm run -s entrepot --'
  const [, path = ''] = process.argv
  return basename(path) === 'entrepot' ? 'entrepot' : `node ${quoted(relative('', path))}`
}

/** Whence npx has the package, which may be no registry: its folder notes what it was asked for. */
function npxArguments(): readonly string[] {
  try {
    const note = readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8')
    const packages: readonly string[] = JSON.parse(note)._npx.packages
    return packages.length === 1 ? packages : [...packages.map((name) => `--package=${name}`), 'entrepot']
  } catch {
    // Installed in a project: npx finds it there.
    return ['entrepot']
  }
}

function quoted(text: string): string {
  return /^[\w./:@=-]+$/.test(text) ? text : quote(text)
}

/** A word of the shell that means exactly this text. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

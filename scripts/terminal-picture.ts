/**
 * Makes the picture of README.md: a server and the program of README.md, each at a terminal of its own, as tmux shows them.
 * `npm run picture`; it needs tmux, and the default ports free.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Screen, terminalsToSvg } from './terminal-svg.ts'

const ROOT = join(import.meta.dirname, '..')
const COLUMNS = 114
const ROWS = 50
const PATIENCE_MS = 30_000
const POLL_MS = 100

/** A tmux server of our own, so that nobody's sessions are touched. */
const socket = `entrepot-picture-${process.pid}`
/** Also the home of its user, so that the picture shows `~`. */
const home = mkdtempSync(join(tmpdir(), 'entrepot-picture-'))

function tmux(...args: readonly string[]): string {
  return execFileSync('tmux', ['-L', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' })
}

/** A shell with nothing of the one who runs this but a `node` and an `entrepot`. */
function openTerminal(name: string, variables: Readonly<Record<string, string>>): void {
  const env = { HOME: home, PATH: `${home}/bin:/usr/bin:/bin`, PS1: '$ ', TZ: 'UTC', ...variables }
  const given = Object.entries(env).map(([key, value]) => `${key}=${value}`)
  const size = ['-x', `${COLUMNS}`, '-y', `${ROWS}`]
  tmux(
    'new-session',
    '-d',
    '-s',
    name,
    ...size,
    '-c',
    home,
    'env',
    '-i',
    'TERM=screen-256color',
    ...given,
    'sh',
  )
}

function linesOf(name: string): readonly string[] {
  return tmux('capture-pane', '-e', '-p', '-t', name).trimEnd().split('\n')
}

/** Types a line, and waits until what is shown matches. */
async function type(name: string, line: string, until: RegExp): Promise<void> {
  tmux('send-keys', '-t', name, '-l', line)
  tmux('send-keys', '-t', name, 'Enter')
  const deadline = Date.now() + PATIENCE_MS
  while (!until.test(tmux('capture-pane', '-p', '-t', name))) {
    if (Date.now() > deadline) throw new Error(`${line}:\n${linesOf(name).join('\n')}`)
    await setTimeout(POLL_MS)
  }
}

function readProgram(): string {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const [, program] = /^cat > four\.mjs <<'EOF'\n([\s\S]+?)^EOF$/m.exec(readme) ?? []
  if (program === undefined) throw new Error('README.md has no four.mjs')
  return program
}

async function play(): Promise<readonly Screen[]> {
  mkdirSync(join(home, 'bin'))
  symlinkSync(process.execPath, join(home, 'bin/node'))
  const command = `#!/bin/sh\nexec node '${ROOT}/bin/entrepot.js' "$@"\n`
  writeFileSync(join(home, 'bin/entrepot'), command, { mode: 0o755 })
  symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'))
  writeFileSync(join(home, 'four.mjs'), readProgram())
  const entrepot = [join(ROOT, 'bin/entrepot.js'), 'key', 'create', '--init', '--name', 'laptop']
  // With a key already there, the start prints none: the picture is of a later one.
  const key = execFileSync(process.execPath, entrepot, { cwd: home, encoding: 'utf8' }).trim()
  // A default port that is taken would be done without; one that is set has to be free.
  openTerminal('server', { ENTREPOT_GRPC_PORT: '8421', ENTREPOT_METRICS_PORT: '8422' })
  openTerminal('program', { URL: 'http://127.0.0.1:8420', KEY: key })
  await type('server', 'entrepot serve', /batchDays/)
  await type('program', 'tail -n +6 four.mjs', /text\(\)\)\n\$/)
  await type('program', 'node four.mjs', /\nHello from the harbour\.\n\$/)
  await setTimeout(POLL_MS)
  return [
    { title: 'the server', lines: linesOf('server') },
    { title: 'your program', lines: linesOf('program').slice(0, -1) },
  ]
}

try {
  const screens = await play()
  writeFileSync(join(ROOT, 'docs/terminal.svg'), terminalsToSvg(screens, COLUMNS))
} finally {
  tmux('kill-server')
  rmSync(home, { recursive: true, force: true })
}

/**
 * Measures how long a start takes, from the call of the command to the line that says where the server listens:
 *
 *   npm run bench:start
 *
 * of the compiled package, 20 times on an empty folder and 20 times with a million files; the first start of a machine,
 * which has no compiled code to begin with, is told apart. Fails if one of the others takes half a second.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startFilled } from './peers/our-server.ts'
import { Places } from './places.ts'
import { describeMachine, today } from './session.ts'

const ROOT = join(import.meta.dirname, '..')
const STARTS = 20
const FILES = 1_000_000
const AT_MOST_MS = 500

const places = await Places.open()
try {
  execFileSync(process.execPath, ['scripts/build.ts'], { cwd: ROOT })
  await measure()
} finally {
  await places.remove()
  // Whoever works on the sources would start this instead.
  await rm(join(ROOT, 'dist'), { recursive: true })
}

async function measure(): Promise<void> {
  const cache = await places.folder('disk', 'cache')
  const newFolder = () => places.folder('disk', 'empty')
  console.log(`${today()}. ${describeMachine()}`)
  tell('first start of all', [await start(await newFolder(), cache)])
  const empty: number[] = []
  for (let count = 0; count < STARTS; count++) empty.push(await start(await newFolder(), cache))
  tell('an empty folder', empty)

  const filled = await places.folder('disk', 'filled')
  await (await startFilled(filled, FILES)).end('SIGTERM')
  const full: number[] = []
  for (let count = 0; count < STARTS; count++) full.push(await start(filled, cache))
  tell(`${FILES.toLocaleString('en-US')} files`, full)
  if (Math.max(...empty, ...full) >= AT_MOST_MS) process.exitCode = 1
}

/** @returns milliseconds until it listened, after which it is stopped */
async function start(dataDir: string, cache: string): Promise<number> {
  const env = {
    PATH: process.env.PATH,
    XDG_CACHE_HOME: cache,
    ENTREPOT_DATA_DIR: dataDir,
    ENTREPOT_PORT: '0',
    ENTREPOT_GRPC_PORT: '0',
    ENTREPOT_METRICS_PORT: '0',
  }
  const begin = performance.now()
  const child = spawn(process.execPath, [join(ROOT, 'bin/entrepot.js'), 'serve'], { env, stdio: 'pipe' })
  const ended = once(child, 'exit')
  let output = ''
  for await (const text of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    output += text
    if (output.includes('"msg":"listening"')) break
  }
  const tookMs = performance.now() - begin
  if (!output.includes('"msg":"listening"')) throw new Error(`the server ended:\n${output}`)
  child.stdout.resume()
  child.kill('SIGTERM')
  await ended
  return tookMs
}

function tell(what: string, tookMs: readonly number[]): void {
  const sorted = tookMs.toSorted((a, b) => a - b).map((ms) => ms.toFixed(0))
  const median = sorted[Math.floor(sorted.length / 2)]
  console.log(`${what}: median ${median} ms, from ${sorted[0]} to ${sorted.at(-1)} (${sorted.join(' ')})`)
}

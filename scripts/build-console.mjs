// `npm run build:console`: builds `console/` to `console/dist`. `prepare` runs it in a checkout; tests run it with `--if-stale`,
// which builds only what is older than its sources. Without Vite, as after `npm ci --omit=dev`, it builds nothing, and the server
// says so at /console. Plain JavaScript, since it runs on the Node.js of npm itself.
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../console', import.meta.url))
const built = join(folder, 'dist')

/** Replaces `console/dist` at once, so that a server beside it never sees half of one. */
async function build({ build }) {
  const outDir = `${built}-${process.pid}`
  try {
    await build({ root: folder, logLevel: 'warn', build: { outDir } })
    rmSync(built, { recursive: true, force: true })
    renameSync(outDir, built)
  } finally {
    rmSync(outDir, { recursive: true, force: true })
  }
}

function isStale() {
  const index = join(built, 'index.html')
  if (!existsSync(index)) return true
  const builtAt = statSync(index).mtimeMs
  const sources = readdirSync(folder, { recursive: true }).filter((path) => !path.startsWith('dist'))
  return sources.some((path) => statSync(join(folder, path)).mtimeMs > builtAt)
}

if (!process.argv.includes('--if-stale') || isStale()) {
  const vite = await import('vite').catch(() => undefined)
  if (vite !== undefined) await build(vite)
  else console.log('The console is not built, because Vite is not installed.')
}

/** Prints how much production code there is: `npm run size`. Counts tracked lines of TypeScript, comments and blank lines included. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const SHOWN_FILES = 10

/** Tests, what only tests use, and what tools generate. */
const notProduction = /\.(test|harness|samples|reference|conformance)\.ts$|\/(conformance|gen)\//

const paths = execFileSync('git', ['ls-files', '-z', 'src'], { encoding: 'utf8' })
  .split('\0')
  .filter((path) => path.endsWith('.ts') && !notProduction.test(path))

const files = paths
  .map((path) => ({ path, lines: readFileSync(path, 'utf8').split('\n').length - 1 }))
  .sort((a, b) => b.lines - a.lines)

const folders = new Map<string, number>()
for (const { path, lines } of files) {
  const folder = path
    .split('/')
    .slice(0, path.startsWith('src/dialects/') ? 3 : 2)
    .join('/')
  folders.set(folder, (folders.get(folder) ?? 0) + lines)
}

const total = files.reduce((sum, { lines }) => sum + lines, 0)
console.log(`${total} lines in ${files.length} files, median ${files[files.length >> 1]?.lines}\n`)
for (const [folder, lines] of [...folders].sort(([, a], [, b]) => b - a))
  console.log(`${String(lines).padStart(6)}  ${folder}`)
console.log('\nThe largest files:')
for (const { path, lines } of files.slice(0, SHOWN_FILES))
  console.log(`${String(lines).padStart(6)}  ${path}`)

/** `npm run build`: compiles `src/` to `dist/`, which the package of npm contains instead of it, and builds the console. */
import { execFileSync } from 'node:child_process'
import { cpSync, globSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { headOf } from '../src/app/git-head.ts'
import { joinPackages } from './join-packages.ts'

const ROOT = join(import.meta.dirname, '..')
const SRC = join(ROOT, 'src')
const DIST = join(ROOT, 'dist')

// What was compiled from a file that is gone must not be packed.
rmSync(DIST, { recursive: true, force: true })
const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
execFileSync(process.execPath, [tsc, '--project', 'tsconfig.build.json'], { cwd: ROOT, stdio: 'inherit' })
// JavaScript already, and so none of the compiler's business.
for (const path of globSync('**/gen/*.js', { cwd: SRC })) cpSync(join(SRC, path), join(DIST, path))
await joinPackages(ROOT, DIST)
// An image is built without the folder of Git, which it would have to read all of.
const commit = process.env.ENTREPOT_COMMIT ?? headOf(pathToFileURL(`${ROOT}/`)) ?? ''
writeFileSync(join(DIST, 'commit.txt'), `${commit}\n`)
execFileSync(process.execPath, [join(ROOT, 'scripts/build-console.mjs')], { stdio: 'inherit' })

/**
 * `prepack` and `postpack`: the package does not ask for the packages that it has joined (`join-packages.ts`), which would be
 * 14 MB that nothing reads. `npm pack` takes the manifest that it finds, so it is changed while npm packs, and put back.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGES } from './join-packages.ts'

const MANIFEST = join(import.meta.dirname, '../package.json')
const KEPT = join(import.meta.dirname, '../.package.json')

// Also what a pack that was interrupted left behind.
if (existsSync(KEPT)) renameSync(KEPT, MANIFEST)
if (process.argv[2] !== '--restore') {
  const text = readFileSync(MANIFEST, 'utf8')
  const manifest = JSON.parse(text) as { dependencies: Record<string, string> }
  for (const name of PACKAGES) delete manifest.dependencies[name]
  writeFileSync(KEPT, text)
  writeFileSync(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`)
}

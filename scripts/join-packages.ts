import { cpSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { rolldown } from 'rolldown'

/** Packages of which a start loads 700 modules. To find, read and link them one by one takes a quarter of its time. */
export const PACKAGES = ['@bufbuild/protobuf', 'kysely', 'typebox']

/** `from 'kysely'`, also of a part of a package. */
const IMPORT = new RegExp(`\\bfrom (['"])((?:${PACKAGES.join('|')})(?:/[\\w/-]+)?)\\1`, 'g')

/**
 * Makes one readable file of each of these packages, in `packages/` of a compiled tree, with its licence, and lets the tree
 * import that. Our own modules stay what they are.
 */
export async function joinPackages(root: string, dist: string): Promise<void> {
  const modules = globSync('**/*.js', { cwd: dist }).map((path) => join(dist, path))
  const imported = new Set<string>()
  for (const path of modules) {
    const text = readFileSync(path, 'utf8')
    const joined = text.replaceAll(IMPORT, (_, quote: string, name: string) => {
      imported.add(name)
      const file = relative(dirname(path), join(dist, fileOf(name)))
      return `from ${quote}${file.startsWith('.') ? '' : './'}${file}${quote}`
    })
    if (joined !== text) writeFileSync(path, joined)
  }
  await using bundle = await rolldown({
    cwd: root,
    platform: 'node',
    input: Object.fromEntries([...imported].map((name) => [fileOf(name).replace(/\.js$/, ''), name])),
  })
  await bundle.write({ dir: dist, format: 'esm', chunkFileNames: 'packages/[name].js' })
  // protobuf has no file of its licence, which is ours.
  for (const path of globSync(`{${PACKAGES}}/{LICENSE,license}`, { cwd: join(root, 'node_modules') }))
    cpSync(join(root, 'node_modules', path), join(dist, 'packages', `${dirname(path)}.LICENSE`))
}

function fileOf(name: string): string {
  return `packages/${name}.js`
}

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { settings } from '../src/cli/settings.ts'

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/** Layer → layers it may import. What is absent is forbidden. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  main: ['app', 'config', 'ops'],
  app: [
    // `package.json`, for the version.
    '..',
    'app',
    'config',
    'core',
    'metadata',
    'blobs',
    'net',
    'http',
    'grpc',
    'outbound',
    'dialects',
    'transfer',
    'jobs',
    'ops',
  ],
  config: ['config'],
  core: ['core'],
  metadata: ['metadata', 'core'],
  blobs: ['blobs', 'core'],
  net: ['net'],
  http: ['http', 'net', 'core'],
  grpc: ['grpc', 'net', 'core'],
  outbound: ['outbound', 'core'],
  dialects: ['dialects', 'http', 'grpc', 'outbound', 'core'],
  transfer: ['transfer', 'http', 'core'],
  jobs: ['jobs', 'core'],
  ops: ['ops', 'http', 'net', 'core'],
  cli: ['cli', 'main', 'app', 'config', 'core'],
}

/** Files beside the folders; `agreement.ts`, `background.ts`, `time.ts`, `stores.ts`, `data-folder.ts`, `installation.ts`, `move-storage.ts`, `surface.ts` and `start-warnings.ts` are parts of the composition root. */
const layersOfFiles: Readonly<Record<string, string>> = {
  'main.ts': 'main',
  'app.ts': 'app',
  'agreement.ts': 'app',
  'background.ts': 'app',
  'time.ts': 'app',
  'stores.ts': 'app',
  'data-folder.ts': 'app',
  'installation.ts': 'app',
  'move-storage.ts': 'app',
  'surface.ts': 'app',
  'start-warnings.ts': 'app',
  'config.ts': 'config',
  'config-reader.ts': 'config',
  'config-sharing.ts': 'config',
  'config-networks.ts': 'config',
  'config-purposes.ts': 'config',
  'config-suggestion.ts': 'config',
}

/** Of Node, the core knows how to hash and what a stream is; of packages, nothing. */
const mayCoreImport = ['node:crypto', 'node:zlib', 'node:stream']
const MAX_LINES = 300
const VAGUE_FOLDERS = ['utils', 'helpers', 'common', 'types']

/** Paths below `src/`, with slashes; what tools generate is not ours to judge. */
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts') && !path.includes('/gen/'))

/** What is served; tests, and what they share, may reach for a whole server. */
const production = sources.filter((path) => !/\.(test|harness)\.ts$/.test(path))

function importsOf(path: string): string[] {
  const text = readFileSync(join(root, 'src', path), 'utf8')
  const found = text.matchAll(
    /^(?:import|export|\}).*? from '([^']+)'|^import '([^']+)'|import\('([^']+)'\)/gm,
  )
  return [...found].map(([, named, bare, lazy]) => String(named ?? bare ?? lazy))
}

/** The files of ours that a file imports, as paths below `src/`. */
function ownImportsOf(path: string): string[] {
  return importsOf(path)
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(path), name)).replaceAll('\\', '/'))
}

function layerOf(path: string): string {
  const [folder = '', ...rest] = path.split('/')
  return rest.length === 0 ? (layersOfFiles[folder] ?? `no layer (${folder})`) : folder
}

function assertNone(violations: readonly string[]): void {
  assert.deepEqual(violations, [])
}

test('a layer imports only the layers below it', () => {
  assertNone(
    production.flatMap((path) =>
      ownImportsOf(path)
        .filter((imported) => !(mayImport[layerOf(path)] ?? []).includes(layerOf(imported)))
        .map((imported) => `${path} imports ${imported}`),
    ),
  )
})

test('every folder and file of src has a layer, and every layer something in it', () => {
  assert.deepEqual([...new Set(production.map(layerOf))].sort(), Object.keys(mayImport).sort())
})

test('the core imports no package and does no input or output', () => {
  assertNone(
    production
      .filter((path) => layerOf(path) === 'core')
      .flatMap((path) =>
        importsOf(path)
          .filter((name) => !name.startsWith('.') && !mayCoreImport.includes(name))
          .map((name) => `${path} imports ${name}`),
      ),
  )
})

test('a dialect imports no other dialect, nor the list of them', () => {
  const folderOf = (path: string) => /^dialects\/([^/]+)\//.exec(path)?.[1]
  assertNone(
    production.flatMap((path) => {
      const folder = folderOf(path)
      return ownImportsOf(path)
        .filter((imported) => folder !== undefined && imported.startsWith('dialects/'))
        .filter((imported) =>
          folderOf(imported) === undefined ? imported === 'dialects/all.ts' : folderOf(imported) !== folder,
        )
        .map((imported) => `${path} imports ${imported}`)
    }),
  )
})

test('there are no barrels, and no folder for whatever fits nowhere else', () => {
  assertNone(
    sources.filter((path) => {
      const parts = path.replace(/\.ts$/, '').split('/')
      return parts.at(-1) === 'index' || parts.some((part) => VAGUE_FOLDERS.includes(part))
    }),
  )
})

test('a file can be read at a sitting', () => {
  // Suites are lists of cases: read by looking one up, and longer where there is more to promise.
  const read = production.filter((path) => !path.endsWith('.conformance.ts'))
  const lengths = read.map((path) => ({
    path,
    lines: readFileSync(join(root, 'src', path), 'utf8').split('\n').length - 1,
  }))
  assertNone(
    lengths.filter(({ lines }) => lines > MAX_LINES).map(({ path, lines }) => `${path}: ${lines} lines`),
  )
})

/** What methods of the reader read that are told no name. */
const ownNames: Readonly<Record<string, readonly string[]>> = {
  rateLimits: ['RATE_LIMITS'],
  s3: ['S3_BUCKET', 'S3_ENDPOINT', 'S3_REGION', 'S3_PREFIX', 'S3_PATH_STYLE', 'DIRECT_TRANSFER'],
  tls: ['TLS', 'TLS_CERT', 'TLS_KEY'],
}

test('every setting has a flag of serve and a row in README.md', () => {
  const read = readFileSync(join(root, 'src/config.ts'), 'utf8').matchAll(
    /reader\.(\w+)\(\s*(?:'([A-Z\d_]+)')?/g,
  )
  const known = [...read]
    .filter(([, method = '']) => !['finish', 'refuse'].includes(method))
    .flatMap(([, method = '', name]) => ownNames[method] ?? [name ?? ''])
  assert.deepEqual(settings.map(({ variable }) => variable).sort(), known.sort())
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  assertNone(
    settings.map(({ variable }) => `| \`ENTREPOT_${variable}\` |`).filter((row) => !readme.includes(row)),
  )
})

test('the lock file knows every optional package of every platform, or npm ci refuses to start', () => {
  interface Locked {
    readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Record<string, string> }>>
  }
  const { packages }: Locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const optional = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
    Object.keys(optionalDependencies),
  )
  assertNone(optional.filter((name) => packages[`node_modules/${name}`] === undefined))
})

test('no file of the repository names a folder of the machine it was written on', (context) => {
  const paths = trackedFiles()
  if (paths === undefined) return context.skip('this is not a git checkout')
  const parent = dirname(root)
  const foreign = [
    `${root}/`,
    `${homedir()}/`,
    ...(dirname(parent) === '/' && parent !== '/tmp' ? [`${parent}/`] : []),
  ]
  const anybody = /(?<![\w.:])\/(?:home|Users)\/\w/
  assertNone(
    paths.filter((path) => {
      const text = readFileSync(join(root, path), 'utf8')
      return anybody.test(text) || foreign.some((folder) => text.includes(folder))
    }),
  )
})

function trackedFiles(): string[] | undefined {
  try {
    const listing = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return listing.split('\0').filter((path) => path !== '')
  } catch {
    return undefined
  }
}

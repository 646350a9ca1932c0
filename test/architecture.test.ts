import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/** Layer → layers it may import. What is absent is forbidden. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  main: ['app', 'ops'],
  app: [
    'app',
    'config',
    'core',
    'metadata',
    'blobs',
    'net',
    'intake',
    'http',
    'grpc',
    'outbound',
    'emulator',
    'dialects',
    'transfer',
    'admin',
    'console',
    'jobs',
    'ops',
  ],
  config: ['config'],
  core: ['core'],
  metadata: ['metadata', 'core'],
  blobs: ['blobs', 'core'],
  net: ['net'],
  intake: ['intake', 'core'],
  http: ['http', 'intake', 'net', 'core'],
  grpc: ['grpc', 'intake', 'net', 'core'],
  outbound: ['outbound', 'core'],
  dialects: ['dialects', 'http', 'intake', 'grpc', 'outbound', 'config', 'core'],
  transfer: ['transfer', 'http', 'intake', 'core'],
  admin: ['admin', 'http', 'intake', 'core'],
  console: ['console', 'http', 'core'],
  jobs: ['jobs', 'core'],
  emulator: ['emulator', 'jobs', 'http', 'grpc', 'config', 'core'],
  ops: ['ops', 'http', 'net', 'core'],
  cli: ['cli', 'main', 'app', 'dialects', 'config', 'core'],
}

/** What is no layer of its own name. */
const layers: Readonly<Record<string, string>> = { 'main.ts': 'main', move: 'app' }

/** Of Node, the core knows how to hash and what a stream is; of packages, nothing. */
const mayCoreImport = ['node:crypto', 'node:zlib', 'node:stream']
const MAX_LINES = 300
const MAX_ENTRIES = 24
const VAGUE_FOLDERS = ['utils', 'helpers', 'common', 'types']

/** Paths below `src/`, with slashes; what tools generate is not ours to judge. */
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts') && !path.includes('/gen/'))

/** What is served; tests, and what they share, may reach for a whole server. */
const isTest = (path: string) =>
  /\.(test|harness|samples|reference|conformance)\.ts$|\/conformance\//.test(path)
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
  const [top = ''] = path.split('/')
  return layers[top] ?? top
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

test('the layers can be put in an order in which each imports only those before it', () => {
  const settled = new Set<string>()
  const waiting = new Map(
    Object.entries(mayImport).map(([layer, below]) => [
      layer,
      below.filter((name) => name !== layer && name in mayImport),
    ]),
  )
  for (let found = true; found; ) {
    found = false
    for (const [layer, below] of waiting) {
      if (!below.every((name) => settled.has(name))) continue
      settled.add(layer)
      found = waiting.delete(layer)
    }
  }
  assertNone([...waiting.keys()])
})

test('a folder of src is seen at a glance', () => {
  const entries = new Map<string, Set<string>>()
  for (const path of sources.filter((path) => !isTest(path))) {
    const parts = ['src', ...path.split('/')]
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/')
      entries.set(folder, (entries.get(folder) ?? new Set()).add(parts[depth] ?? ''))
    }
  }
  assertNone(
    [...entries]
      .filter(([, names]) => names.size > MAX_ENTRIES)
      .map(([folder, names]) => `${folder}: ${names.size} entries`),
  )
})

test('every folder and file of src has a layer, and every layer something in it', () => {
  assert.deepEqual([...new Set(production.map(layerOf))].sort(), Object.keys(mayImport).sort())
})

test('commands for the files of a server know it by its address alone', () => {
  assertNone(
    production
      .filter((path) => /^cli\/(file|remote)\//.test(path))
      .flatMap((path) =>
        ownImportsOf(path)
          .filter((imported) => !/^(cli\/(file|remote|[\w-]+\.ts)|config)/.test(imported))
          .map((imported) => `${path} imports ${imported}`),
      ),
  )
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

test('the start of a server does not wait for what an import of these modules loads', () => {
  const slow = ['node:http', 'node:https', 'node:tls']
  assertNone(
    production
      .filter((path) => !isTest(path) && layerOf(path) !== 'cli')
      .filter((path) => {
        const text = readFileSync(join(root, 'src', path), 'utf8')
        return slow.some((name) => new RegExp(`^(import (?!type)|\\}).*'${name}'`, 'm').test(text))
      }),
  )
})

/** Packages that a start waits for. What only some requests, settings or commands need is imported by who needs it, later. */
const LOADED_AT_START = [
  '@bufbuild/protobuf',
  '@fastify/cookie',
  '@fastify/cors',
  '@fastify/swagger',
  '@fastify/swagger-ui',
  '@grpc/grpc-js',
  'commander',
  'fastify',
  'kysely',
  'mime',
  'pino',
  'prom-client',
  'typebox',
]

test('a start loads no package but these', () => {
  const entries = ['cli/entrepot.ts', 'cli/serve.ts', 'main.ts', 'app/installation.ts', 'app/bytes-place.ts']
  const waiting = [...entries, ...production.filter((path) => /^dialects\/\w+\/api\.ts$/.test(path))]
  const [loaded, packages] = [new Set(waiting), new Set<string>()]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const name of loadedBy(path)) {
      const own = normalize(join(dirname(path), name)).replaceAll('\\', '/')
      if (!name.startsWith('.')) packages.add(packageOf(name))
      else if (!loaded.has(own) && loaded.add(own)) waiting.push(own)
    }
  }
  assert.deepEqual([...packages].filter((name) => !name.startsWith('node:')).toSorted(), LOADED_AT_START)
})

/** What is loaded with a file: neither types nor what `import()` loads later. */
function loadedBy(path: string): string[] {
  if (!path.endsWith('.ts')) return []
  const text = readFileSync(join(root, 'src', path), 'utf8')
  const imports = text.matchAll(/^(?:import|export) (?!type )(?:[^';=]*? from )?'([^']+)'/gm)
  return [...imports].map(([, name = '']) => name)
}

function packageOf(name: string): string {
  return name.split('/', name.startsWith('@') ? 2 : 1).join('/')
}

test('the emulator is loaded only where it is switched on', () => {
  assertNone(
    production
      .filter((path) => layerOf(path) !== 'emulator')
      .flatMap((path) =>
        readFileSync(join(root, 'src', path), 'utf8')
          .split('\n')
          .filter((line) => /^import (?!type ).*\/emulator\//.test(line))
          .map((line) => `${path}: ${line}`),
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

const dialects = readdirSync(join(root, 'src/dialects'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

test('a dialect is one folder and one line: no other code names it', () => {
  assertNone(
    sources
      .filter((path) => !isTest(path) && path !== 'dialects/all.ts')
      .flatMap((path) => {
        const code = withoutComments(readFileSync(join(root, 'src', path), 'utf8')).toLowerCase()
        return dialects
          .filter((name) => !path.startsWith(`dialects/${name}/`) && code.includes(name))
          .map((name) => `${path} names ${name}`)
      }),
  )
})

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '')
}

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

test('every file and heading that the documentation links to, and every file that it names, is there', (context) => {
  const paths = trackedFiles()
  if (paths === undefined) return context.skip('this is not a git checkout')
  const exists = (path: string) => existsSync(join(root, path))
  const isNamed = (name: string) =>
    exists(name) || exists(join('src', name)) || paths.some((path) => path.endsWith(`/${name}`))
  assertNone(
    paths
      .filter((path) => path.endsWith('.md') && !path.startsWith('changelog/unreleased/'))
      .flatMap((path) => {
        const text = readFileSync(join(root, path), 'utf8')
        const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target = '']) => target)
        const anchors = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g)]
        const names = [...text.matchAll(/`([\w./-]+\.ts)`/g)].map(([, name = '']) => name)
        return [
          ...links.filter((target) => !exists(join(dirname(path), target))),
          ...anchors
            .filter(([, target = '', anchor = '']) => {
              const page = target === '' ? path : join(dirname(path), target)
              return page.endsWith('.md') && exists(page) && !anchorsOf(page).has(anchor)
            })
            .map(([, target = '', anchor = '']) => `${target}#${anchor}`),
          ...names.filter((name) => !isNamed(name)),
        ].map((missing) => `${path}: ${missing}`)
      }),
  )
})

/** Of the headings of a page, as GitHub makes them: a repeated one gets a number. */
function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  const text = readFileSync(join(root, page), 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '')
  for (const [, heading = ''] of text.matchAll(/^#+ (.+)$/gm)) {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = words.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')
    let unique = anchor
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`
    anchors.add(unique)
  }
  return anchors
}

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

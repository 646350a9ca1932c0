/**
 * `npm run release -- <version>`: moves the notes of `changelog/unreleased/` to `changelog/<version>/`, writes them into
 * `CHANGELOG.md`, and sets the version wherever it is told. Commits, tags and publishes nothing.
 */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const CHANGELOG = join(ROOT, 'CHANGELOG.md')
const UNRELEASED = join(ROOT, 'changelog/unreleased')

const INTRODUCTION = `# Changelog

What changed for those who run Entrepot or speak to it. A change says what to do when upgrading.
`
/** By how a note begins, in the order in which readers look. */
const headings = { Change: 'Changes', Feature: 'Features', Fix: 'Fixes' } as const

/** A version as semver.org has it, without build metadata. */
const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/

interface Note {
  readonly kind: keyof typeof headings
  readonly title: string
  readonly text: string
}

class Refusal extends Error {}

function release(version: string | undefined): void {
  if (version === undefined) throw new Refusal('Name the version: npm run release -- 1.2.3')
  if (!VERSION.test(version)) throw new Refusal(`${version} is no version like 1.2.3 or 1.2.3-rc.1.`)
  const current = versionOf('package.json')
  const released = readdirSync(join(ROOT, 'changelog')).filter((name) => VERSION.test(name))
  const newest = released.toSorted(compareVersions).at(-1)
  if (newest !== undefined && compareVersions(version, newest) <= 0)
    throw new Refusal(`${version} is not newer than ${newest}, which is released.`)
  if (compareVersions(version, current) < 0)
    throw new Refusal(`${version} is older than ${current}, which package.json tells.`)
  if (git('status', '--porcelain') !== '')
    throw new Refusal(
      'The checkout has changes; commit or remove them, so that the release is a commit of its own.',
    )
  const names = existsSync(UNRELEASED) ? readdirSync(UNRELEASED).filter((name) => name.endsWith('.md')) : []
  if (names.length === 0) throw new Refusal('There is nothing to release: changelog/unreleased has no notes.')
  const notes = names.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).map(readNote)

  mkdirSync(join(ROOT, 'changelog', version))
  for (const name of names) renameSync(join(UNRELEASED, name), join(ROOT, 'changelog', version, name))
  writeFileSync(CHANGELOG, withRelease(version, notes))
  setVersion(current, version)
  process.stdout.write(
    `${version}: ${notes.length} notes. Look at the changes, then:\n  git add --all && git commit --message 'Entrepot ${version}' && git tag v${version}\n`,
  )
}

function readNote(name: string): Note {
  const [first = '', ...rest] = readFileSync(join(UNRELEASED, name), 'utf8').trim().split('\n')
  const [, kind, title] = /^(Change|Feature|Fix): (.+)$/.exec(first) ?? []
  if (kind === undefined || title === undefined)
    throw new Refusal(
      `changelog/unreleased/${name} does not begin with "Feature: …", "Change: …" or "Fix: …".`,
    )
  // The note is two folders below the changelog.
  const text = rest.join('\n').trim().replaceAll('](../../', '](')
  return { kind: kind as Note['kind'], title, text }
}

function withRelease(version: string, notes: readonly Note[]): string {
  const date = new Date().toISOString().slice(0, 10)
  const groups = Object.entries(headings).map(([kind, heading]) => {
    const items = notes.filter((note) => note.kind === kind).map(itemOf)
    return items.length === 0 ? '' : `### ${heading}\n\n${items.join('\n')}\n\n`
  })
  const section = `## ${version} (${date})\n\n${groups.join('')}`.trimEnd()
  const before = existsSync(CHANGELOG)
    ? readFileSync(CHANGELOG, 'utf8').slice(INTRODUCTION.length).trim()
    : ''
  return `${[INTRODUCTION.trimEnd(), section, before].filter((part) => part !== '').join('\n\n')}\n`
}

/** An item of a list, whose paragraphs are indented as CommonMark wants it. */
function itemOf({ title, text }: Note): string {
  const sentence = `${title.charAt(0).toUpperCase()}${title.slice(1)}`
  if (text === '') return `- **${sentence}**`
  return `- **${sentence}.** ${text}`.replaceAll(/\n(?=[^\n])/g, '\n  ')
}

/** Where a reader, npm or Helm learns the version. */
function setVersion(from: string, to: string): void {
  for (const path of ['package.json', ...globSync('packages/*/package.json', { cwd: ROOT })])
    edit(path, (text) => text.replace(/^( {2}"version": )"[^"]*"/m, `$1"${to}"`))
  // Its own, and that of its first package, which is this one.
  edit('package-lock.json', (text) =>
    text.replace(/("name": "entrepot",\s+"version": )"[^"]*"/g, `$1"${to}"`),
  )
  for (const path of globSync('deploy/**/Chart.yaml', { cwd: ROOT }))
    edit(path, (text) => text.replace(/^((?:version|appVersion): "?)[^"\n]*/gm, `$1${to}`))
  for (const path of ['README.md', 'deploy/Dockerfile'])
    edit(path, (text) =>
      text
        .replaceAll(`entrepot-${from}.tgz`, `entrepot-${to}.tgz`)
        .replaceAll(`entrepot:${from}`, `entrepot:${to}`),
    )
}

function edit(path: string, change: (text: string) => string): void {
  const file = join(ROOT, path)
  writeFileSync(file, change(readFileSync(file, 'utf8')))
}

function versionOf(path: string): string {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8')).version
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' })
}

/** As of semver.org, 11: numbers as numbers, and a release after all its candidates. */
function compareVersions(a: string, b: string): number {
  const [[numbersA = '', rcA], [numbersB = '', rcB]] = [a, b].map((text) => text.split(/-(.*)/s)) as [
    string[],
    string[],
  ]
  const byNumbers = numbersA.localeCompare(numbersB, 'en', { numeric: true })
  if (byNumbers !== 0) return byNumbers
  if (rcA === undefined || rcB === undefined) return Number(rcA === undefined) - Number(rcB === undefined)
  return rcA.localeCompare(rcB, 'en', { numeric: true })
}

try {
  release(process.argv[2])
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  process.stderr.write(`error: ${error.message}\n`)
  process.exitCode = 1
}

/** `npm run release`, in a repository of the files that it touches. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { newFolder } from './new-folder.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TOUCHED = ['scripts/release.ts', 'package.json', 'package-lock.json', 'packages', 'README.md', 'deploy']

const notes = {
  '9.md': 'Fix: a range of a file is answered\n\nSee [ranges](../../docs/uploads.md).\n',
  '10.md': 'Feature: `entrepot fly` flies\n\nFirst paragraph.\n\nSecond paragraph.\n',
  '11.md': 'Change: keys have a name\n\nGive them one.\n',
}

/** At version 1.2.3, with these notes unreleased. */
function newRepository(t: TestContext, unreleased: Readonly<Record<string, string>>) {
  const folder = newFolder('entrepot-release-')
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const path of TOUCHED)
    cpSync(join(ROOT, path), join(folder, path), { recursive: true, filter: isSource })
  const read = (path: string) => readFileSync(join(folder, path), 'utf8')
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const [name, text] of Object.entries(unreleased)) write(`changelog/unreleased/${name}`, text)
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: folder,
      encoding: 'utf8',
    })
  const commit = () => git('add', '--all') + git('commit', '--quiet', '--message', 'state')
  const release = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/release.ts', ...args], {
      cwd: folder,
      encoding: 'utf8',
    })
    return { status, stdout, stderr }
  }
  git('init', '--quiet')
  const version = JSON.parse(read('package.json')).version
  write('package.json', read('package.json').replace(`"version": "${version}"`, '"version": "1.2.3"'))
  commit()
  return { folder, read, write, git, commit, release }
}

const isSource = (path: string) => !/node_modules|\/dist(\/|$)/.test(path)

test('a release moves the notes, groups them in CHANGELOG.md, and sets every version', (t) => {
  const { folder, read, write, git, commit, release } = newRepository(t, notes)
  const head = git('rev-parse', 'HEAD')
  const { status, stderr } = release('1.3.0')
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })

  assert.deepEqual(readdirSync(join(folder, 'changelog/1.3.0')).toSorted(), ['10.md', '11.md', '9.md'])
  assert.deepEqual(readdirSync(join(folder, 'changelog/unreleased')), [])
  const date = new Date().toISOString().slice(0, 10)
  const section = `## 1.3.0 (${date})

### Changes

- **Keys have a name.** Give them one.

### Features

- **\`entrepot fly\` flies.** First paragraph.

  Second paragraph.

### Fixes

- **A range of a file is answered.** See [ranges](docs/uploads.md).
`
  assert.ok(read('CHANGELOG.md').endsWith(`\n\n${section}`), read('CHANGELOG.md'))
  const lock = JSON.parse(read('package-lock.json'))
  const versions = [JSON.parse(read('package.json')), lock, lock.packages['']].map(({ version }) => version)
  assert.deepEqual(versions, ['1.3.0', '1.3.0', '1.3.0'])
  for (const name of readdirSync(join(folder, 'packages')))
    assert.equal(JSON.parse(read(`packages/${name}/package.json`)).version, '1.3.0')
  for (const path of globSync('deploy/**/Chart.yaml', { cwd: folder }))
    assert.equal(read(path).match(/^(version|appVersion): "?1\.3\.0"?$/gm)?.length, 2)
  // Nothing else of the lock file has changed.
  assert.equal(git('diff', '--numstat', 'package-lock.json').split('\t').slice(0, 2).join(' '), '2 2')
  assert.equal(git('rev-parse', 'HEAD'), head)

  commit()
  write('changelog/unreleased/12.md', 'Fix: it is faster\n')
  commit()
  assert.equal(release('1.3.1').status, 0)
  assert.ok(
    read('CHANGELOG.md').endsWith(`## 1.3.1 (${date})\n\n### Fixes\n\n- **It is faster**\n\n${section}`),
  )
  assert.equal(read('CHANGELOG.md').match(/^# /gm)?.length, 1)
})

test('a release that cannot be is refused in a sentence, and changes nothing', (t) => {
  const { folder, write, git, commit, release } = newRepository(t, notes)
  const refused = (sentence: string, ...args: readonly string[]) => {
    const before = git('status', '--porcelain')
    assert.deepEqual(release(...args), { status: 1, stdout: '', stderr: `error: ${sentence}\n` })
    assert.equal(git('status', '--porcelain'), before)
  }
  refused('Name the version: npm run release -- 1.2.3')
  refused('v2 is no version like 1.2.3 or 1.2.3-rc.1.', 'v2')
  refused('1.2.2 is older than 1.2.3, which package.json tells.', '1.2.2')

  write('stray', '')
  refused(
    'The checkout has changes; commit or remove them, so that the release is a commit of its own.',
    '1.3.0',
  )
  rmSync(join(folder, 'stray'))

  write('changelog/unreleased/13.md', 'Fixed: something\n')
  write('changelog/1.10.0/1.md', 'Fix: something older\n')
  commit()
  refused('1.9.9 is not newer than 1.10.0, which is released.', '1.9.9')
  refused('1.10.0-rc.2 is not newer than 1.10.0, which is released.', '1.10.0-rc.2')
  refused('changelog/unreleased/13.md does not begin with "Feature: …", "Change: …" or "Fix: …".', '1.11.0')

  for (const name of readdirSync(join(folder, 'changelog/unreleased')))
    rmSync(join(folder, 'changelog/unreleased', name))
  commit()
  refused('There is nothing to release: changelog/unreleased has no notes.', '1.11.0')
  assert.ok(!existsSync(join(folder, 'CHANGELOG.md')))
})

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { headOf } from './git-head.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const OTHER = 'fedcba9876543210fedcba9876543210fedcba98'

/** Files by path; `$` in their text is the folder's own path. */
function headOfFolder(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  below = '',
): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-git-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text.replace('$', folder))
  }
  return headOf(pathToFileURL(`${join(folder, below)}/`))
}

test('the commit of a branch is found, loose or packed', (t) => {
  const head = { '.git/HEAD': 'ref: refs/heads/main\n' }
  const packed = `# pack-refs with: peeled fully-peeled sorted\n${OTHER} refs/heads/domain\n${COMMIT} refs/heads/main\n`
  assert.equal(headOfFolder(t, { ...head, '.git/refs/heads/main': `${COMMIT}\n` }), COMMIT)
  assert.equal(headOfFolder(t, { ...head, '.git/packed-refs': packed }), COMMIT)
  // What was committed last is loose.
  assert.equal(
    headOfFolder(t, { ...head, '.git/packed-refs': packed, '.git/refs/heads/main': `${OTHER}\n` }),
    OTHER,
  )
})

test('a commit that was checked out without a branch is found', (t) => {
  assert.equal(headOfFolder(t, { '.git/HEAD': `${COMMIT}\n` }), COMMIT)
})

test('the commit of a worktree is found in the repository that it belongs to', (t) => {
  const files = {
    'tree/.git': 'gitdir: $/main/.git/worktrees/tree\n',
    'main/.git/worktrees/tree/HEAD': 'ref: refs/heads/topic\n',
    'main/.git/worktrees/tree/commondir': '../..\n',
    'main/.git/refs/heads/topic': `${COMMIT}\n`,
  }
  assert.equal(headOfFolder(t, files, 'tree'), COMMIT)
})

test('no commit is told where there is no checkout, no commit yet, or another way to keep branches', (t) => {
  assert.equal(headOfFolder(t, {}), undefined)
  assert.equal(headOfFolder(t, { '.git/HEAD': 'ref: refs/heads/main\n' }), undefined)
  assert.equal(
    headOfFolder(t, { '.git/HEAD': 'ref: refs/heads/.invalid\n', '.git/reftable/x': '' }),
    undefined,
  )
  // A folder of somebody else's repository is not that repository.
  assert.equal(headOfFolder(t, { '.git/HEAD': COMMIT, 'below/file': '' }, 'below'), undefined)
})

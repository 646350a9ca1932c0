import assert from 'node:assert/strict'
import {
  appendFile,
  cp,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rm,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { newFileId } from '../../src/core/files/create-file.ts'
import { isLong } from '../rounds.ts'
import { ApiClient, PUBLIC_URL } from './api-client.ts'
import { checkEntries, checkListing } from './check-answers.ts'
import { checkRows } from './check-rows.ts'
import { blobPath, checkStores, referencedBlobs, withStores } from './check-stores.ts'
import type { Finding, FindingKind } from './finding.ts'
import { Ledger, type LedgerEntry } from './ledger.ts'
import { putFile } from './put-file.ts'
import { ServerProcess } from './server-process.ts'

// A checker that finds nothing proves nothing until it has found what was put there: each test damages a sound data
// folder in one way and expects the report of that damage, by the look at the disk and by the look through the API.

/** Each damage takes a server; the short rounds do with one of each kind of checker. */
const skip = isLong ? false : 'only under npm run test:all, where each damage is done'

let folder: string
let sound: string
let ledger: Ledger
let stored: LedgerEntry
// Most of what is damaged is files of bytes.
const settings = { ENTREPOT_PUBLIC_URL: PUBLIC_URL, ENTREPOT_INLINE_BYTES: '1000' }

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'entrepot-controls-'))
  sound = join(folder, 'sound')
  await mkdir(sound)
  ledger = await Ledger.open(join(folder, 'ledger'))
  const server = await ServerProcess.start({ dataDir: sound, settings })
  try {
    await putFile(new ApiClient(server.url), ledger, 'small.bin', 500)
    for (const name of ['a.bin', 'b.bin'])
      stored = await putFile(new ApiClient(server.url), ledger, name, 5000)
  } finally {
    await server.end('SIGTERM')
  }
})

after(async () => {
  await ledger.close()
  await rm(folder, { recursive: true, force: true })
})

/** What the two checkers say about a copy of the sound folder after it was damaged. */
async function findingsAfter(damage: (dataDir: string, path: string) => Promise<unknown>) {
  const dataDir = await mkdtemp(join(folder, 'damaged-'))
  await cp(sound, dataDir, { recursive: true })
  await damage(dataDir, await pathOfLast(dataDir))
  const onDisk = [...(await checkStores(dataDir)), ...(await checkRows(dataDir))]
  const server = await ServerProcess.start({ dataDir, settings })
  try {
    const client = new ApiClient(server.url)
    const byAnswer = [
      ...(await checkEntries(client, ledger.entries)),
      ...(await checkListing(client, ledger)),
    ]
    return { onDisk: kindsOf(onDisk), byAnswer: kindsOf(byAnswer) }
  } finally {
    await server.end('SIGKILL')
  }
}

async function pathOfLast(dataDir: string): Promise<string> {
  const blobs = await withStores(dataDir, referencedBlobs)
  const blob = blobs.find(({ sha256 }) => sha256 === stored.sent[0]?.sha256)
  return blobPath(dataDir, blob?.key ?? '')
}

function kindsOf(findings: readonly Finding[]): FindingKind[] {
  return [...new Set(findings.map(({ kind }) => kind))].sort()
}

test('reports nothing about a sound folder', { skip }, async () => {
  assert.deepEqual(await findingsAfter(async () => undefined), { onDisk: [], byAnswer: [] })
})

test('reports a flipped bit', async () => {
  const found = await findingsAfter(async (_dataDir, path) => {
    const bytes = await readFile(path)
    bytes[2500] = (bytes[2500] ?? 0) ^ 1
    await writeFile(path, bytes)
  })
  assert.deepEqual(found, { onDisk: ['blob-content'], byAnswer: ['wrong-bytes'] })
})

test('reports a truncated blob', { skip }, async () => {
  const found = await findingsAfter((_dataDir, path) => truncate(path, 4999))
  assert.deepEqual(found, { onDisk: ['blob-size', 'sum-differs'], byAnswer: ['not-readable'] })
})

test('reports a blob that grew', { skip }, async () => {
  const found = await findingsAfter((_dataDir, path) => appendFile(path, 'x'))
  assert.deepEqual(found.onDisk, ['blob-size', 'sum-differs'])
})

test('reports a blob that is gone', async () => {
  const found = await findingsAfter((_dataDir, path) => unlink(path))
  assert.deepEqual(found, { onDisk: ['blob-missing', 'sum-differs'], byAnswer: ['not-readable'] })
})

test('reports bytes without a row', async () => {
  const found = await findingsAfter((_dataDir, path) =>
    writeFile(path.slice(0, -30) + 'f'.repeat(30), 'nobody knows me'),
  )
  assert.deepEqual(found, { onDisk: ['blob-orphan', 'sum-differs'], byAnswer: [] })
})

test('reports what a crash left in staging', { skip }, async () => {
  const found = await findingsAfter(async (dataDir) => {
    const file = await open(join(dataDir, 'staging', 'e'.repeat(32)), 'wx')
    await file.close()
  })
  assert.deepEqual(found, { onDisk: ['staging-left'], byAnswer: [] })
})

test('reports a row without bytes that nobody asked for', { skip }, async () => {
  const found = await findingsAfter((dataDir) =>
    withStores(dataDir, async ({ metadata }) => {
      const file = await metadata.findFile(await anyFileId(dataDir))
      assert.ok(file)
      const twin = { ...file, id: newFileId(Date.now()), name: 'ghost.bin', blobKey: 'd'.repeat(32) }
      await metadata.commit([{ kind: 'file.insert', file: twin }])
    }),
  )
  assert.deepEqual(found, {
    onDisk: ['blob-missing', 'quota-differs', 'sum-differs'],
    byAnswer: ['unknown-file'],
  })
})

test('reports an acknowledged file whose row is gone back to pending', { skip }, async () => {
  const found = await findingsAfter((dataDir) =>
    withStores(dataDir, async ({ metadata }) => {
      const id = await anyFileId(dataDir)
      const patch = { state: 'pending', storedAt: null } as const
      await metadata.commit([{ kind: 'file.update', id, guard: { state: 'stored' }, patch }])
    }),
  )
  assert.deepEqual(found, { onDisk: [], byAnswer: ['wrong-state'] })
})

/** Damages the rows with which a crash could have left them. */
async function findingsAfterSql(text: string) {
  return findingsAfter(async (dataDir) => {
    const database = new DatabaseSync(join(dataDir, 'entrepot.db'))
    database.exec(text)
    database.close()
  })
}

test('reports other bytes in the database', { skip }, async () => {
  const found = await findingsAfterSql('update segments set bytes = zeroblob(size_bytes)')
  assert.deepEqual(found, { onDisk: ['segments-wrong'], byAnswer: ['wrong-bytes'] })
})

test('reports a file whose segment is gone', { skip }, async () => {
  const found = await findingsAfterSql('delete from segments')
  assert.deepEqual(found, { onDisk: ['segments-wrong'], byAnswer: ['not-readable'] })
})

test('reports quotas that count what is not there', async () => {
  const found = await findingsAfterSql('update projects set used_bytes = used_bytes + 1')
  assert.deepEqual(found, { onDisk: ['quota-differs'], byAnswer: [] })
})

async function anyFileId(dataDir: string): Promise<string> {
  const [blob] = await withStores(dataDir, referencedBlobs)
  return blob?.fileId ?? ''
}

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Running, startEntrepot } from './cli.harness.ts'
import { CuttingProxy } from './cutting-proxy.ts'
import { TestServer } from './harness.ts'
import { onlyLong } from './rounds.ts'

const MIB = 1024 * 1024
const SIZE_MIB = 200
/** A process of Node with the command takes 100 before it reads a byte. */
const MOST_MIB = 200

/** @returns its SHA-256 */
async function writeRandom(path: string, mebibytes: number): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'w')
  for (let written = 0; written < mebibytes; written++) {
    const bytes = randomBytes(MIB)
    hash.update(bytes)
    await file.write(bytes)
  }
  await file.close()
  return hash.digest('hex')
}

/** The most memory that a process has had, in MiB, until it ends; undefined where the system does not tell. */
async function peakOf({ child, ended }: Running): Promise<number | undefined> {
  let peak: number | undefined
  const look = () => {
    try {
      const [, kibibytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? []
      if (kibibytes !== undefined) peak = Number(kibibytes) / 1024
    } catch {
      // It is over, or this is no Linux.
    }
  }
  const timer = setInterval(look, 20)
  await ended
  clearInterval(timer)
  return peak
}

test('a large file goes through two cuts and a Ctrl-C, whole and in little memory', {
  skip: onlyLong,
}, async (t) => {
  const server = await TestServer.start()
  t.after(() => server.stop())
  const proxy = await CuttingProxy.start(server.url)
  t.after(() => proxy.stop())
  const home = await mkdtemp(join(tmpdir(), 'entrepot-large-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  const path = join(home, 'large.bin')
  const sha256 = await writeRandom(path, SIZE_MIB)
  const settings = { HOME: home, ENTREPOT_URL: proxy.url, ENTREPOT_KEY: server.key }
  const put = () => new Running(startEntrepot(['file', 'put', path, '--json'], settings))

  proxy.cutAfter(0.3 * SIZE_MIB * MIB, 0.2 * SIZE_MIB * MIB)
  const stalled = proxy.stallAfter(0.35 * SIZE_MIB * MIB)
  const first = put()
  const firstPeak = peakOf(first)
  await Promise.race([stalled, first.ended])
  first.child.kill('SIGINT')
  await first.ended
  assert.equal(first.child.signalCode, 'SIGINT', first.stderr)
  const second = put()
  const peaks = await Promise.all([firstPeak, peakOf(second)])
  assert.deepEqual([await second.ended, second.stderr], [0, ''])
  assert.equal(JSON.parse(second.stdout).sha256, sha256)
  const sentShare = proxy.passedBytes / (SIZE_MIB * MIB)
  t.diagnostic(
    `peaks ${peaks.map((mib) => mib?.toFixed(0))} MiB, ${(sentShare * 100).toFixed(1)} % of the file sent`,
  )
  assert.ok(sentShare < 1.2, `${sentShare} times the file were sent`)
  for (const peak of peaks) assert.ok((peak ?? 0) < MOST_MIB, `the command took ${peak} MiB`)
})

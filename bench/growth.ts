/**
 * Measures how the cost of this server grows, and what its durability costs:
 *
 *   npm run bench:growth
 *
 * with 1,000 to 1,000,000 files in a project, with 1 to 1,000 connections, with files of 1 KiB to 1 GiB, and with syncs
 * ignored (Debian's eatmydata), which is measured and not offered: a power cut then loses what was acknowledged. It takes
 * some minutes and 3 GiB of disk.
 */

import type { WorkloadName } from './load/workloads.ts'
import type { Candidate, Match } from './matches.ts'
import { readOptions } from './options.ts'
import { updateDocs } from './report/docs.ts'
import type { MatchResult } from './report/results.ts'
import { manyConnections } from './report/table.ts'
import { writeReport } from './report/write.ts'
import { describeMachine, Session, today } from './session.ts'

const KIB = 1024
const MIB = 1024 * KIB
const rounds = 5
const requests = { unit: 'a second', where: 'disk', connections: 64, seconds: 1, rounds } as const
const FILES = [1000, 10_000, 100_000, 1_000_000]
const CONNECTIONS = [1, 10, 100, 1000]
const SIZES = [KIB, 32 * KIB, MIB, 32 * MIB, 1024 * MIB]

const growth: Readonly<Record<string, Match>> = {
  'files-list': byFiles('List of 25 with the total, by files in the project', 'ourList'),
  'files-create': byFiles('Create, by files in the project', 'ourCreate'),
  'files-life': byFiles('Whole life of a 4 KiB file, by files in the project', 'ourLife'),
  'connections-life': byConnections('Whole life of a 4 KiB file, by connections', 'ourLife'),
  'connections-download': byConnections('Download of 4 KiB, by connections', 'ourDownload'),
  'size-put': bySize('tus upload in one PATCH, by size', 'ourTus'),
  'size-get': bySize('Download by link, by size', 'ourDownload'),
  durable: durability('Whole life of a 4 KiB file, synced or not', 'ourLife', 4 * KIB),
  'durable-form': durability('4 KiB file as a form, synced or not', 'ourForm', 4 * KIB),
  'durable-put': {
    ...durability('64 MiB, synced or not', 'ourLife', 64 * MIB),
    unit: 'MB/s',
    connections: 1,
  },
}

/** Each candidate is compared with the first one. */
function growing(title: string, candidates: readonly Candidate[]): Match {
  const keyed = candidates.map((candidate, index) => [`${index}`, candidate] as const)
  const pairings = keyed.slice(1).map(([key]) => ({ ours: key, peer: '0' }))
  return { ...requests, title, candidates: Object.fromEntries(keyed), pairings }
}

function byFiles(title: string, does: WorkloadName): Match {
  const small = { server: 'oursFilled', does, sizeBytes: 4 * KIB } as const
  return growing(
    title,
    FILES.map((files) => ({ ...small, files, label: `${files.toLocaleString('en-US')} files` })),
  )
}

function byConnections(title: string, does: WorkloadName): Match {
  const small = { server: 'ours', does, sizeBytes: 4 * KIB } as const
  const candidates = CONNECTIONS.map((connections) => ({
    ...small,
    connections,
    label: manyConnections(connections),
  }))
  return { ...growing(title, candidates), connections: 0 }
}

function bySize(title: string, does: WorkloadName): Match {
  const candidates = SIZES.map((sizeBytes) => ({
    server: 'ours' as const,
    does,
    sizeBytes,
    label: sizeBytes < MIB ? `${sizeBytes / KIB} KiB` : `${sizeBytes / MIB} MiB`,
  }))
  return { ...growing(title, candidates), unit: 'MB/s', connections: 4 }
}

function durability(title: string, does: WorkloadName, sizeBytes: number): Match {
  return growing(title, [
    { server: 'ours', does, sizeBytes, label: 'as shipped' },
    { server: 'oursUnsynced', does, sizeBytes, label: 'syncs ignored' },
  ])
}

const options = readOptions(Object.keys(growth))

await Session.run(async (session) => {
  const results: MatchResult[] = []
  for (const id of options.ids) results.push(await session.play(id, growth[id] as Match, options.rounds))
  if (!options.isWhole) return
  const { notes } = session
  const report = { date: today(), machine: describeMachine(), notes, matches: results }
  const path = await writeReport(report, '-growth')
  await updateDocs('growth', report, path)
  console.log(`\nWritten: ${path}.json and .html, and docs/performance.md`)
})

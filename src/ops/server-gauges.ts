import { statfs } from 'node:fs/promises'
import { Counter, Gauge, type Registry } from 'prom-client'
import { DEFAULT_RESERVE } from '../core/limits/disk-reserve.ts'
import type { WatchCall } from '../core/watch-call.ts'
import { addAskedGauge, oncePerScrape } from './asked-gauge.ts'

/** How jobs went. Prometheus has a label `job` of its own, so theirs is called `name`. @returns told of each run */
export function jobMetrics(registry: Registry): WatchCall {
  const labelNames = ['name']
  const registers = [registry]
  const succeeded = new Gauge({
    name: 'entrepot_job_last_success_timestamp_seconds',
    help: 'When a job of this server last ended well, in Unix time.',
    labelNames,
    registers,
  })
  const duration = new Gauge({
    name: 'entrepot_job_last_duration_seconds',
    help: 'How long the last run of a job took.',
    labelNames,
    registers,
  })
  const failures = new Counter({
    name: 'entrepot_job_failures_total',
    help: 'Runs of a job that failed.',
    labelNames,
    registers,
  })
  return ({ operation: name, outcome, seconds }) => {
    duration.set({ name }, seconds)
    // From zero on, or nobody would see the first failure as an increase.
    failures.inc({ name }, outcome === 'ok' ? 0 : 1)
    if (outcome === 'ok') succeeded.set({ name }, Date.now() / 1000)
  }
}

export interface Build {
  readonly version: string
  /** Undefined where nothing tells it. */
  readonly commit: string | undefined
}

export function addBuildInfo(registry: Registry, find: () => Build): void {
  const labelNames = ['version', 'commit', 'node']
  const help = 'Always 1; the labels tell what runs.'
  addAskedGauge(registry, { name: 'entrepot_build_info', help, labelNames }, () => {
    const { version, commit = 'unknown' } = find()
    return [{ labels: { version, commit, node: process.versions.node }, value: 1 }]
  })
}

/** The disk that the data folder is on. */
export interface Disk {
  readonly dataDir: string
  /** What uploads leave free; undefined: the default. */
  readonly diskReserveBytes: number | undefined
}

export function addDiskGauges(registry: Registry, disk: Disk, onFailure: () => void): void {
  const { dataDir, diskReserveBytes } = disk
  const find = oncePerScrape(async () => {
    try {
      return await statfs(dataDir)
    } catch {
      onFailure()
      return undefined
    }
  })
  const add = (what: string, help: string, read: (disk: { total: number; free: number }) => number) =>
    addAskedGauge(registry, { name: `entrepot_disk_${what}_bytes`, help }, async () => {
      const found = await find()
      if (found === undefined) return []
      const { bavail, blocks, bsize } = found
      return [{ value: read({ total: blocks * bsize, free: bavail * bsize }) }]
    })
  const { share, maxBytes } = DEFAULT_RESERVE
  add('free', 'Room on the disk of the data folder, the reserve included.', ({ free }) => free)
  add('size', 'Size of the disk of the data folder.', ({ total }) => total)
  add(
    'reserve',
    'What uploads leave free of the disk of the data folder.',
    ({ total }) => diskReserveBytes ?? Math.min(maxBytes, Math.floor(total * share)),
  )
}

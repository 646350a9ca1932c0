import { signal } from '@preact/signals'
import type { Named } from '../../api/bodies.ts'
import type { Sending } from './engine.ts'
import type { FileHandle } from './handles.ts'
import { Rate } from './rate.ts'
import { identityOf, type Source, type Upload, type UploadState } from './upload.ts'

/** The page is told of changes at most so often; also where nothing comes, as long as something should. */
const TELL_MS = 200
const TELL_IDLE_MS = 1000

/** One file of the queue, and what is being done with it. */
export class Entry implements Upload {
  static #lastId = 0
  readonly id = ++Entry.#lastId
  readonly name: string
  readonly sizeBytes: number
  readonly lastModified: number
  readonly project: Named
  /** Undefined: it has to be chosen again. */
  readonly file: File | undefined
  state: UploadState = 'waiting'
  sentBytes = 0
  reason: string | undefined
  mayRetry = false
  /** Of one that failed: nobody answered. */
  isUnreachable = false
  fileId: string | undefined
  handle: FileHandle | undefined
  sending: Sending | undefined
  readonly rate = new Rate()

  constructor({ name, sizeBytes, lastModified, project }: Source, file?: File) {
    this.name = name
    this.sizeBytes = sizeBytes
    this.lastModified = lastModified
    this.project = project
    this.file = file
  }

  get hasHandle(): boolean {
    return this.handle !== undefined
  }

  get bytesPerSecond(): number | undefined {
    return this.state === 'moving' ? this.rate.perSecond(performance.now()) : undefined
  }
}

/** What the queue is as a whole. */
export interface Summary {
  readonly counts: Readonly<Record<UploadState, number>>
  /** Of those that failed, how many may be sent again. */
  readonly retryable: number
  /** Of those that are stored, sent or wait for their turn. */
  readonly totalBytes: number
  readonly sentBytes: number
  /** Undefined where too little has been sent to tell. */
  readonly bytesPerSecond: number | undefined
}

/** All of them by what they are, each in the order in which they became so. */
const groups: Readonly<Record<UploadState, Set<Entry>>> = {
  moving: new Set(),
  paused: new Set(),
  interrupted: new Set(),
  failed: new Set(),
  waiting: new Set(),
  stored: new Set(),
}
const byId = new Map<number, Entry>()
/** Those that are not stored. */
const byIdentity = new Map<string, Entry>()
/** Of all that moves, whatever file it is of. */
const rate = new Rate()
let movedBytes = 0
let toldAt = 0
let soon: ReturnType<typeof setTimeout> | undefined
let later: ReturnType<typeof setTimeout> | undefined

/** As of the last change, some times a second; each change of the queue changes it. */
export const summary = signal<Summary>(summarize())

/** Grows when files have been stored and nothing is under way any more: lists of files are old then. */
export const arrivals = signal(0)
let areNew = false

export function enter(entry: Entry, state: UploadState): void {
  entry.state = state
  groups[state].add(entry)
  byId.set(entry.id, entry)
  byIdentity.set(identityOf(entry), entry)
  tell()
}

export function move(entry: Entry, state: UploadState): void {
  if (byId.get(entry.id) !== entry) return
  groups[entry.state].delete(entry)
  if (state === 'stored') {
    byIdentity.delete(identityOf(entry))
    areNew = true
  }
  if (state !== 'failed') entry.reason = undefined
  entry.state = state
  entry.rate.reset()
  groups[state].add(entry)
  tell()
}

export function drop(entry: Entry): void {
  groups[entry.state].delete(entry)
  byId.delete(entry.id)
  if (byIdentity.get(identityOf(entry)) === entry) byIdentity.delete(identityOf(entry))
  tell()
}

export function find(id: number): Entry | undefined {
  return byId.get(id)
}

/** One that is not stored. */
export function findSame(source: Source): Entry | undefined {
  return byIdentity.get(identityOf(source))
}

export function all(state: UploadState): ReadonlySet<Entry> {
  return groups[state]
}

/** The first `limit` of those in these states, in the order of the states. */
export function uploadsIn(states: readonly UploadState[], limit: number): readonly Upload[] {
  const found: Upload[] = []
  for (const state of states)
    for (const entry of groups[state]) {
      if (found.length === limit) return found
      found.push(entry)
    }
  return found
}

/** @param sentBytes of the file; the first since it goes on tells where it goes on, and no speed */
export function noteProgress(entry: Entry, sentBytes: number): void {
  const now = performance.now()
  if (!entry.rate.isEmpty) movedBytes += Math.max(0, sentBytes - entry.sentBytes)
  entry.sentBytes = sentBytes
  entry.reason = undefined
  entry.rate.note(sentBytes, now)
  rate.note(movedBytes, now)
  tell()
}

/** Lets pages know of a change. */
export function tell(): void {
  if (soon === undefined) soon = setTimeout(tellNow, toldAt + TELL_MS - performance.now())
}

function tellNow(): void {
  clearTimeout(soon)
  clearTimeout(later)
  soon = undefined
  toldAt = performance.now()
  if (groups.moving.size > 0) later = setTimeout(tellNow, TELL_IDLE_MS)
  else rate.reset()
  summary.value = summarize()
  if (!areNew || groups.moving.size + groups.waiting.size > 0) return
  areNew = false
  arrivals.value++
}

function summarize(): Summary {
  const counts = Object.fromEntries(
    Object.entries(groups).map(([state, entries]) => [state, entries.size]),
  ) as Record<UploadState, number>
  let totalBytes = 0
  let sentBytes = 0
  for (const state of ['moving', 'waiting', 'stored'] as const)
    for (const entry of groups[state]) {
      totalBytes += entry.sizeBytes
      sentBytes += entry.sentBytes
    }
  let retryable = 0
  for (const { mayRetry } of groups.failed) if (mayRetry) retryable++
  return { counts, retryable, totalBytes, sentBytes, bytesPerSecond: rate.perSecond(performance.now()) }
}

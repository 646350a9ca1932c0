import { effect, signal, untracked } from '@preact/signals'
import type { Named } from '../../api/bodies.ts'
import { api } from '../../api/client.ts'
import { me } from '../../session.ts'
import type { Failure } from './engine.ts'
import { all, drop, Entry, enter, find, findSame, move, noteProgress, summary, tell } from './entries.ts'
import { type Found, found } from './gather.ts'
import { fileAt, forgetHandle, handleOf, keepHandle } from './handles.ts'
import { discard, interruptedUploads } from './kept.ts'
import { heldByOtherPages, tellOtherPages } from './other-pages.ts'
import { targetProject } from './target.ts'
import { identityOf } from './upload.ts'

/** Of the six connections that browsers open to a server, the page itself needs some. */
const MAX_AT_ONCE = 4
const UNREADABLE = 'The file cannot be read.'
const MIXED =
  'The file was changed or moved while it was sent: what is stored may be some of both. Send it again.'

/** Whether nothing begins by itself. */
export const isHeld = signal(false)

/** Without a network nothing begins. */
export const isOnline = signal(navigator.onLine)

/** No more begin until somebody is signed in. */
let isSignedOut = false
let organizationId: string | undefined

/** Sends files to a project. @returns how many were not added, because they are in the queue already */
export function addFiles(files: readonly File[], project?: Named): number {
  return addFound(found(files), project)
}

/** As `addFiles`, of files that were found in folders. */
export function addFound(files: readonly Found[], project = targetProject.peek()): number {
  if (project === undefined) return 0
  let repeated = 0
  for (const { name, file, handle } of files) {
    const { size: sizeBytes = 0, lastModified = 0 } = file ?? {}
    const entry = new Entry({ name, sizeBytes, lastModified, project }, file)
    entry.handle = handle
    const known = findSame(entry)
    if (known?.state === 'interrupted') drop(known)
    else if (known !== undefined) {
      repeated++
      continue
    }
    enter(entry, file === undefined ? 'failed' : 'waiting')
    if (file === undefined) entry.reason = UNREADABLE
  }
  fill()
  return repeated
}

/** Goes on with an upload that was interrupted. @returns why this is another file; undefined if it is not */
export function chooseAgain(id: number, { file, handle }: Found): string | undefined {
  const entry = find(id)
  if (entry?.state !== 'interrupted' || file === undefined) return undefined
  if (file.name !== entry.name.split('/').at(-1)) return `That file is named ${file.name}.`
  if (file.size !== entry.sizeBytes)
    return `That file has ${file.size} bytes, and this one ${entry.sizeBytes}.`
  if (file.lastModified !== entry.lastModified) return 'The file was changed since.'
  addFound([{ name: entry.name, file, ...(handle ? { handle } : {}) }], entry.project)
  return undefined
}

/** As `chooseAgain`, with the file as the browser reads it anew. */
export async function readAgain(id: number): Promise<string | undefined> {
  const { handle, name } = find(id) ?? {}
  if (handle === undefined || name === undefined) return undefined
  const file = await fileAt(handle)
  if (file === undefined) return 'The browser may not read the file any more, or it is gone. Choose it again.'
  return chooseAgain(id, { name, file, handle })
}

/** The ids of those that the server waits for. */
export function ownIds(): ReadonlySet<string> {
  const ids = new Set<string>()
  for (const state of ['moving', 'paused', 'waiting'] as const)
    for (const { fileId } of all(state)) if (fileId !== undefined) ids.add(fileId)
  return ids
}

export function pause(id: number): void {
  const entry = find(id)
  if (entry?.state !== 'moving' && entry?.state !== 'waiting') return
  move(entry, 'paused')
  entry.sending?.pause()
  fill()
}

/** Goes on at once, however many others do. */
export function resume(id: number): void {
  const entry = find(id)
  if (entry?.state === 'paused') void start(entry)
}

/** Sends one that failed again, from where it was. */
export function retry(id: number): void {
  const entry = find(id)
  if (entry?.state !== 'failed' || !entry.mayRetry) return
  move(entry, 'waiting')
  fill()
}

/** Takes one out of the queue. What is not stored yet ends on the server, too. */
export function remove(id: number): void {
  const entry = find(id)
  if (entry !== undefined) takeOut(entry)
  fill()
}

export function pauseAll(): void {
  isHeld.value = true
  for (const { id } of [...all('moving')]) pause(id)
}

export function resumeAll(): void {
  isHeld.value = false
  for (const entry of [...all('paused')]) move(entry, 'waiting')
  fill()
}

export function retryAll(): void {
  for (const { id } of [...all('failed')]) retry(id)
}

export function removeAll(): void {
  for (const state of ['waiting', 'moving', 'paused', 'failed', 'interrupted'] as const)
    for (const entry of [...all(state)]) takeOut(entry)
  isHeld.value = false
}

export function removeStored(): void {
  for (const entry of [...all('stored')]) takeOut(entry)
}

function takeOut(entry: Entry): void {
  drop(entry)
  if (entry.handle !== undefined) void forgetHandle(entry)
  if (entry.sending !== undefined) entry.sending.end()
  // What cannot be ended now ends by itself within the hour.
  else if (entry.state !== 'stored') discard(entry).catch(() => {})
}

function fill(): void {
  if (isHeld.peek() || isSignedOut || me.peek() == null || !isOnline.peek()) return
  while (all('moving').size < MAX_AT_ONCE) {
    const [next] = all('waiting')
    if (next === undefined) return
    void start(next)
  }
}

async function start(entry: Entry): Promise<void> {
  move(entry, 'moving')
  if (entry.sending !== undefined) return entry.sending.resume()
  const { file } = entry
  if (file === undefined) return
  try {
    const { send } = await import('./engine.ts')
    // Meanwhile it may have been paused, or taken out.
    if (entry.state !== 'moving' || find(entry.id) === undefined) return
    entry.sending = send(entry, file, eventsOf(entry))
    if (entry.handle !== undefined) void keepHandle(entry, entry.handle)
  } catch (error) {
    const reason = `What sends files could not be loaded: ${error instanceof Error ? error.message : error}`
    onFailed(entry, { reason, kind: 'unreachable' })
  }
}

function eventsOf(entry: Entry) {
  return {
    onBegun: (fileId: string) => {
      entry.fileId = fileId
    },
    onProgress: (sentBytes: number) => noteProgress(entry, sentBytes),
    onTrouble: (reason: string) => {
      entry.reason = reason
      tell()
    },
    onStored: (mayBeMixed: boolean) => {
      entry.sending = undefined
      entry.sentBytes = entry.sizeBytes
      move(entry, 'stored')
      if (mayBeMixed) entry.reason = MIXED
      if (entry.handle !== undefined) void forgetHandle(entry)
      fill()
    },
    onFailed: (failure: Failure) => onFailed(entry, failure),
  }
}

function onFailed(entry: Entry, { reason, kind }: Failure): void {
  entry.sending = undefined
  if (kind === 'signed-out') {
    waitForSession(entry)
    return
  }
  move(entry, 'failed')
  entry.reason = reason
  entry.mayRetry = kind !== 'hopeless'
  entry.isUnreachable = kind === 'unreachable'
  fill()
}

/** The first answer leads to the sign-in, where the session has ended. */
function waitForSession(entry: Entry): void {
  move(entry, 'waiting')
  if (isSignedOut) return
  isSignedOut = true
  api.get('me').then(
    () => {
      isSignedOut = false
      fill()
    },
    () => {},
  )
}

/** Those that no page sends any more. */
async function showInterrupted(): Promise<void> {
  if (interruptedUploads().length === 0) return
  const held = await heldByOtherPages()
  const mine = new Set(me.peek()?.projects.map(({ id }) => id))
  for (const source of interruptedUploads()) {
    const isKnown = findSame(source) !== undefined || held.has(identityOf(source))
    if (!mine.has(source.project.id) || isKnown) continue
    const entry = new Entry(source)
    enter(entry, 'interrupted')
    void handleOf(source).then((handle) => {
      entry.handle = handle
      tell()
    })
  }
}

tellOtherPages(() => {
  const states = ['moving', 'paused', 'waiting', 'failed'] as const
  return states.flatMap((state) => Array.from(all(state), identityOf))
})

/** Nothing of one organization is sent by the session of another. */
effect(() => {
  const who = me.value
  if (who === undefined) return
  untracked(() => {
    isSignedOut = who === null
    const isOther = who !== null && who.organization.id !== organizationId
    const states = ['moving', 'paused', 'waiting', 'interrupted', 'failed', 'stored'] as const
    for (const entry of [...all('moving')]) {
      entry.sending?.pause()
      move(entry, 'waiting')
    }
    if (isOther) for (const state of states) for (const entry of [...all(state)]) drop(entry)
    if (who === null) return
    organizationId = who.organization.id
    void showInterrupted()
    fill()
  })
})

addEventListener('offline', () => {
  isOnline.value = false
})
addEventListener('online', () => {
  isOnline.value = true
  for (const { sending } of all('moving')) sending?.resume()
  for (const entry of [...all('failed')]) if (entry.isUnreachable) retry(entry.id)
  fill()
})

/** Browsers ask before a page is left that wants them to; a page that does not is sooner there again. */
const warn = (event: BeforeUnloadEvent) => event.preventDefault()
effect(() => {
  const { moving, waiting } = summary.value.counts
  if (moving + waiting > 0) addEventListener('beforeunload', warn)
  else removeEventListener('beforeunload', warn)
})

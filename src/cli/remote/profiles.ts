import { chmodSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { Failure, systemFailure } from '../failure.ts'
import { makeOwnFolder } from '../own-folder.ts'

/** A server, and the key for it. */
export interface Profile {
  readonly url: string
  readonly key: string
}

export const DEFAULT_PROFILE = 'default'
const FOR_OTHERS = 0o077

/** Where programs of a person keep settings (XDG Base Directory Specification); a relative path there counts as none. */
export function profilesPath(env: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CONFIG_HOME: given = '' } = env
  return join(given.startsWith('/') ? given : join(homedir(), '.config'), 'entrepot', 'profiles.json')
}

/** By name. @throws Failure if others can read the file, or it is not what we wrote */
export function readProfiles(path = profilesPath()): ReadonlyMap<string, Profile> {
  let text: string
  try {
    requirePrivate(path)
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw systemFailure(path, error)
  }
  return parseProfiles(path, text)
}

/** Replaces the file as a whole, for nobody but its owner. */
export function writeProfiles(profiles: ReadonlyMap<string, Profile>, path = profilesPath()): void {
  const text = JSON.stringify({ profiles: Object.fromEntries(profiles) }, undefined, 2)
  const written = `${path}.${process.pid}`
  try {
    makeOwnFolder(dirname(path))
    writeFileSync(written, `${text}\n`, { mode: 0o600 })
    // The mode above is only that of a new file.
    chmodSync(written, 0o600)
    renameSync(written, path)
  } catch (error) {
    throw systemFailure(path, error)
  }
}

function requirePrivate(path: string): void {
  const { mode } = statSync(path)
  if (process.platform !== 'win32' && (mode & FOR_OTHERS) !== 0)
    throw new Failure(
      `${path} holds keys and others may read it: chmod 600 it, and replace keys that may be known.`,
    )
}

function parseProfiles(path: string, text: string): ReadonlyMap<string, Profile> {
  try {
    const { profiles } = JSON.parse(text)
    const entries = Object.entries(profiles as Record<string, Profile>)
    if (entries.every(([, profile]) => isProfile(profile))) return new Map(entries)
  } catch {
    // Told below.
  }
  throw new Failure(`${path} is not what entrepot login writes: remove it, and log in again.`)
}

function isProfile({ url, key }: Profile): boolean {
  return /^https?:/.test(url) && URL.canParse(url) && typeof key === 'string'
}

import type { Command } from 'commander'
import { url as parseUrl } from '../../config/parsers.ts'
import { ConfigError, WrongValue } from '../../config/setting.ts'
import { Failure } from '../failure.ts'
import { DEFAULT_PROFILE, type Profile, readProfiles } from './profiles.ts'

/** Where a server listens that was started without settings. */
export const DEFAULT_URL = 'http://127.0.0.1:8420'

export interface ConnectionOptions {
  readonly url?: string
  readonly key?: string
  readonly profile?: string
}

/** Which server a command speaks to, and with which key. */
export function addConnectionOptions(command: Command): Command {
  return command
    .option(
      '--url <url>',
      `address of the server (ENTREPOT_URL, else that of the profile, else ${DEFAULT_URL})`,
    )
    .option('--key <key>', 'a key; better ENTREPOT_KEY or a profile, because others on the machine see flags')
    .option('--profile <name>', `what entrepot login has kept (ENTREPOT_PROFILE, else ${DEFAULT_PROFILE})`)
}

/**
 * The flags, else the environment, else the profile. The key of a profile goes to the server of that profile and to no other.
 * @throws ConfigError if there is no key, or the address is none
 */
export function connectionOf(options: ConnectionOptions, env: NodeJS.ProcessEnv = process.env): Profile {
  const given = givenUrl(options, env)
  const key = options.key ?? (env.ENTREPOT_KEY || undefined)
  if (given !== undefined && key !== undefined) return { url: given, key: requireKey(key) }
  const profile = findProfile(options.profile ?? (env.ENTREPOT_PROFILE || undefined))
  const url = given ?? profile?.url ?? DEFAULT_URL
  const found = key ?? (profile?.url === url ? profile.key : undefined)
  if (found !== undefined) return { url, key: requireKey(found) }
  throw new ConfigError([`There is no key for ${url}: set ENTREPOT_KEY, or run entrepot login --url ${url}.`])
}

/** Without a slash at its end. @throws ConfigError */
export function givenUrl(options: ConnectionOptions, env: NodeJS.ProcessEnv): string | undefined {
  const name = options.url === undefined ? 'ENTREPOT_URL' : '--url'
  const text = options.url ?? (env.ENTREPOT_URL || undefined)
  if (text === undefined) return undefined
  try {
    return parseUrl(text, true)
  } catch (error) {
    if (error instanceof WrongValue) throw new ConfigError([`${name} ${error.message}`])
    throw error
  }
}

/** What may stand in a header. @throws ConfigError */
export function requireKey(key: string): string {
  if (/^[!-~]+$/.test(key)) return key
  if (key === '') throw new ConfigError(['The key is empty; entrepot key create makes one.'])
  throw new ConfigError(['A key is printable ASCII without spaces; this one is not.'])
}

function findProfile(name: string | undefined): Profile | undefined {
  const profiles = readProfiles()
  const profile = profiles.get(name ?? DEFAULT_PROFILE)
  if (profile !== undefined || name === undefined) return profile
  const known = [...profiles.keys()].join(', ') || 'none yet'
  throw new Failure(
    `There is no profile "${name}" (there are: ${known}): run entrepot login --profile ${name}.`,
  )
}

import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { examples } from '../arguments.ts'
import { Failure } from '../failure.ts'
import { print } from '../output.ts'
import { Api } from './api.ts'
import { type ConnectionOptions, DEFAULT_URL, givenUrl, requireKey } from './connection.ts'
import { DEFAULT_PROFILE, profilesPath, readProfiles, writeProfiles } from './profiles.ts'
import { Refusal } from './refusals.ts'

export function addLoginCommands(program: Command): void {
  program
    .command('login')
    .description('keep the address of a server and a key for it, which is asked for')
    .option('--url <url>', `address of the server (ENTREPOT_URL, else ${DEFAULT_URL})`)
    .option(
      '--profile <name>',
      `what to call them, for several servers (ENTREPOT_PROFILE, else ${DEFAULT_PROFILE})`,
    )
    .addHelpText(
      'after',
      examples([
        ['the server of this machine', 'login'],
        ['another one, beside it', 'login --url https://files.example.com --profile work'],
      ]),
    )
    .action(login)
  program
    .command('logout')
    .description('forget what login has kept')
    .option('--profile <name>', `which (ENTREPOT_PROFILE, else ${DEFAULT_PROFILE})`)
    .addHelpText('after', examples([['one of several', 'logout --profile work']]))
    .action(logout)
}

/** A key that the server does not know is not kept. */
async function login(options: ConnectionOptions): Promise<void> {
  const url = givenUrl(options, process.env) ?? DEFAULT_URL
  const name = nameOf(options)
  const profiles = new Map(readProfiles())
  const key = requireKey(await askKey(url))
  try {
    await new Api({ url, key }).json('GET', '/admin/v1/files', { query: { limit: '1' } })
  } catch (error) {
    // A key that may only upload is a good key, too.
    if (!(error instanceof Refusal && error.status === 403)) throw error
  }
  profiles.set(name, { url, key })
  writeProfiles(profiles)
  const use = name === DEFAULT_PROFILE ? '' : `, for --profile ${name}`
  print(`Logged in to ${url}${use}. The key is in ${profilesPath()}.`)
}

function logout(options: ConnectionOptions): void {
  const name = nameOf(options)
  const profiles = new Map(readProfiles())
  if (!profiles.delete(name)) throw new Failure(`There is no profile "${name}".`)
  writeProfiles(profiles)
  print(`The key of the profile "${name}" is forgotten here. It stays good: entrepot key revoke ends it.`)
}

function nameOf({ profile }: ConnectionOptions): string {
  return profile ?? (process.env.ENTREPOT_PROFILE || DEFAULT_PROFILE)
}

async function askKey(url: string): Promise<string> {
  if (!process.stdin.isTTY) return (await readAll(process.stdin)).trim()
  process.stderr.write(`Key for ${url}: `)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true })
  try {
    return await new Promise<string>((resolve, reject) => {
      terminal.once('line', (line) => resolve(line.trim()))
      terminal.once('SIGINT', () => reject(new Failure('Nothing was kept.')))
      terminal.once('close', () => reject(new Failure('Nothing was kept.')))
    })
  } finally {
    terminal.close()
    process.stderr.write('\n')
  }
}

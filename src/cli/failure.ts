import { readFileSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { getSystemErrorMessage } from 'node:util'
import { CommanderError } from 'commander'
import { ConfigError } from '../config/setting.ts'
import { StoreError } from '../core/errors.ts'

/** What cannot be done, in a sentence for the operator. Exit code 1. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

/** What a call of the system could not do with a path that the operator gave. Other errors stay what they are. */
export function systemFailure(path: string, error: unknown): unknown {
  const { code, errno } = error as NodeJS.ErrnoException
  if (code === undefined || errno === undefined) return error
  const remedy = remediesOfGiven[code] ?? 'see what is wrong with it'
  return new Failure(`${path}: ${getSystemErrorMessage(errno)} (${code}); ${remedy}.`)
}

const FAILED = 1
const USAGE = 2

/** Who failed: a data folder belongs to the user of its server, and other commands have to be run as that one. */
export type Failed = 'server' | 'command'

/** Tells on standard error what went wrong, one line per problem. @returns the exit code */
export function reportFailure(error: unknown, failed: Failed): number {
  // Commander has printed its own line, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  const isUsage = error instanceof ConfigError
  for (const problem of isUsage ? error.problems : [describe(error, failed)])
    process.stderr.write(`error: ${problem}\n`)
  return isUsage ? USAGE : FAILED
}

/** What the operator reads of an error: a sentence, or the stack of what only a mistake of ours can throw. */
export function describe(error: unknown, failed: Failed): string {
  if (!(error instanceof Error)) return String(error)
  const isBug = [TypeError, ReferenceError, RangeError].some((kind) => error instanceof kind)
  return isBug ? String(error.stack) : sentenceOf(error, failed)
}

function sentenceOf(error: Error, failed: Failed): string {
  const { code = '', path, errno } = error as NodeJS.ErrnoException
  if (path !== undefined && errno !== undefined)
    return `${path}: ${getSystemErrorMessage(errno)} (${code}); ${remedyOf(code, path, failed)}, or choose another data folder (ENTREPOT_DATA_DIR).`
  // A store says what it could not do, and of its cause what the operator can.
  return error instanceof StoreError && error.cause instanceof Error && 'path' in error.cause
    ? sentenceOf(error.cause, failed)
    : error.message
}

const MAKE_ROOM = 'make room on its disk'
const MORE_FILES = 'let this process open more files (ulimit -n)'
const remedies: Readonly<Record<string, string>> = {
  EDQUOT: MAKE_ROOM,
  EEXIST: 'move away what is in its place',
  EISDIR: 'move away what is in its place',
  ELOOP: 'correct the links in its path',
  EMFILE: MORE_FILES,
  ENAMETOOLONG: 'take a shorter name',
  ENFILE: MORE_FILES,
  ENOENT: 'make what its path leads through, or where it links to',
  ENOSPC: MAKE_ROOM,
  ENOTDIR: 'move away what is in its place',
  EROFS: 'mount its file system for writing',
}

const CORRECT_PATH = 'correct the path, or make what it leads to'
const ALLOW = 'give this user access to it'
/** The same for a path that was given to a command. */
const remediesOfGiven: Readonly<Record<string, string>> = {
  ...remedies,
  EACCES: ALLOW,
  EISDIR: 'name a file',
  ENOENT: CORRECT_PATH,
  ENOTDIR: CORRECT_PATH,
  EPERM: ALLOW,
  EROFS: 'name another place',
}

/** What helps against a failed system call on a path: all that are not in the settings are of the data folder. */
function remedyOf(code: string, path: string, failed: Failed): string {
  if (code !== 'EACCES' && code !== 'EPERM') return remedies[code] ?? 'see what is wrong with it'
  const refusing = failed === 'command' ? ofAnotherUser(path) : undefined
  if (refusing === undefined) return `give it to ${processUser()}, who runs this`
  return `run this as ${userOf(refusing.uid)}, who owns ${refusing.path}`
}

/** The path, or the folder above it that cannot be entered, with its owner; undefined if that is the user who runs this. */
function ofAnotherUser(path: string): { readonly path: string; readonly uid: number } | undefined {
  try {
    const { uid } = statSync(path)
    return uid === process.getuid?.() ? undefined : { path, uid }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? ofAnotherUser(dirname(path)) : undefined
  }
}

/** By name if the machine's own list has it: Node asks no other for anybody but the user of the process. */
function userOf(uid: number): string {
  try {
    const users = readFileSync('/etc/passwd', 'utf8').split('\n')
    const name = users.map((line) => line.split(':')).find(([, , id]) => id === `${uid}`)?.[0]
    if (name !== undefined) return `the user "${name}"`
  } catch {
    // Then its number has to do.
  }
  return `the user ${uid}`
}

/** A container may run as a number that nobody has named. */
function processUser(): string {
  try {
    return `the user "${userInfo().username}"`
  } catch {
    return `the user ${process.getuid?.()}`
  }
}

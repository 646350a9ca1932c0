import { hash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Scope } from './scope.ts'

export type Role = 'member' | 'admin'

/** A secret's record. The secret itself is shown once and kept only as its SHA-256. */
export interface ApiKey {
  /** UUID; names the key in listings and logs. */
  readonly id: string
  /** SHA-256 of the secret, lower-case hex. */
  readonly hash: string
  readonly name: string
  readonly organizationId: string
  /** At least one; the first is the default. */
  readonly projectIds: readonly string[]
  /** The user the key acts for; null if it acts for its default project. */
  readonly userId: string | null
  readonly role: Role
  /** Empty means all. */
  readonly scopes: readonly Scope[]
  readonly createdAt: number
  readonly revokedAt: number | null
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SECRET_CHARACTERS = 32
const CHECKSUM_CHARACTERS = 6
export const KEY_PREFIX = 'ek_'

/**
 * A new secret: `ek_`, 32 random base62 characters (190 bits), and 6 of checksum (CRC-32 in base62), which lets scanners
 * of leaked secrets tell a key from noise.
 */
export function newSecret(): string {
  let random = ''
  for (let i = 0; i < SECRET_CHARACTERS; i++) random += BASE62[randomInt(BASE62.length)]
  return KEY_PREFIX + random + checksum(random)
}

function checksum(text: string): string {
  let value = crc32(text)
  let digits = ''
  for (let i = 0; i < CHECKSUM_CHARACTERS; i++) {
    digits = BASE62[value % BASE62.length] + digits
    value = Math.floor(value / BASE62.length)
  }
  return digits
}

/** The form in which a secret is stored and looked up. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'hex')
}

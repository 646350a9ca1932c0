import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { LinkKey } from '../../core/links/link-token.ts'
import type { SignInChecks } from './provider.ts'

/** What a browser keeps while it is at the provider. */
export interface PendingSignIn extends SignInChecks {
  /** Where it goes afterwards: a path of the console. */
  readonly returnPath: string
  readonly expiresAt: number
}

const IV_BYTES = 12
const TAG_BYTES = 16
/** Bytes of a key of AES-256. */
const KEY_BYTES = 32

/** Sealed: nobody can read or change it, but every server of the installation can open it. */
export function sealSignIn([key]: readonly LinkKey[], pending: PendingSignIn): string {
  if (key === undefined) throw new Error('an installation without a key of links')
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', sealingKey(key), iv)
  const text = Buffer.concat([cipher.update(JSON.stringify(pending)), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url')
}

/** @returns undefined for what nobody sealed here, and what is over at `now` */
export function openSignIn(keys: readonly LinkKey[], sealed: string, now: number): PendingSignIn | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  for (const key of keys) {
    const text = decrypt(key, bytes)
    if (text === undefined) continue
    const pending: PendingSignIn = JSON.parse(text)
    return now < pending.expiresAt ? pending : undefined
  }
  return undefined
}

function decrypt(key: LinkKey, bytes: Buffer): string | undefined {
  try {
    const iv = bytes.subarray(0, IV_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', sealingKey(key), iv, { authTagLength: TAG_BYTES })
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
    return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
  } catch {
    return undefined
  }
}

/** Of its own: a link can never be taken for a sealed text. */
function sealingKey({ secret }: LinkKey): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', Buffer.from(secret, 'hex'), '', 'oidc sign-in', KEY_BYTES))
}

import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { DAY_MS } from '../core/ports/clock.ts'
import type { Certified } from './certificates.ts'

const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1']
const AUTHORITY_DAYS = 10 * 365
/** What browsers accept at most. */
const SERVER_DAYS = 397
const RENEW_BEFORE_DAYS = 60
/** Clocks of clients may be behind ours. */
const BACKDATE_DAYS = 1

/** The certificate in a folder, signed by an authority of ours; made anew if it is missing, broken, ends soon or lacks a host. */
export async function loadSelfSigned(
  folder: string,
  extraHosts: readonly string[],
  now: number,
): Promise<Certified & { readonly caPath: string }> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const caPath = join(folder, 'ca.pem')
  const hosts = [...new Set([...LOCAL_HOSTS, ...extraHosts])]
  const authority = await readPair(folder, 'ca')
  const server = await readPair(folder, 'server')
  if (authority && server && isGood(authority, server, hosts, now)) return { ...server, caPath }
  // The library is large and needed here alone.
  const { createAuthority, signServer } = await import('./certificates.ts')
  const from = now - BACKDATE_DAYS * DAY_MS
  let signer = authority
  if (signer === undefined || endsWithin(signer, SERVER_DAYS, now)) {
    signer = await createAuthority('Entrepot local authority', { from, until: now + AUTHORITY_DAYS * DAY_MS })
    await writePair(folder, 'ca', signer)
  }
  const made = await signServer(signer, hosts, { from, until: from + SERVER_DAYS * DAY_MS })
  await writePair(folder, 'server', made)
  return { ...made, caPath }
}

/** Whether a certificate that we made still serves: signed by the authority, in time, for all hosts. */
function isGood(authority: Certified, server: Certified, hosts: readonly string[], now: number): boolean {
  const certificate = new X509Certificate(server.cert)
  const covers = (host: string) =>
    (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined
  return (
    certificate.verify(new X509Certificate(authority.cert).publicKey) &&
    !endsWithin(server, RENEW_BEFORE_DAYS, now) &&
    hosts.every(covers)
  )
}

function endsWithin({ cert }: Certified, days: number, now: number): boolean {
  return Date.parse(new X509Certificate(cert).validTo) - now < days * DAY_MS
}

/** Undefined if either is missing, broken or of another pair: then both are made anew. */
async function readPair(folder: string, name: string): Promise<Certified | undefined> {
  const path = join(folder, name)
  try {
    const pair = { cert: await readFile(`${path}.pem`, 'utf8'), key: await readFile(`${path}.key`, 'utf8') }
    return isPair(pair) ? pair : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${path}.pem or its key could not be read: ${(error as Error).message}`)
  }
}

/** OpenSSL throws for a text that it cannot read. */
export function isPair({ cert, key }: Certified): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

async function writePair(folder: string, name: string, { cert, key }: Certified): Promise<void> {
  // The key first: a crash in between leaves a pair that does not match, which is made anew.
  await replaceFile(join(folder, `${name}.key`), key, 0o600)
  await replaceFile(join(folder, `${name}.pem`), cert, 0o644)
}

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  await writeFile(draft, text, { mode, flag: 'wx' })
  await rename(draft, path)
}

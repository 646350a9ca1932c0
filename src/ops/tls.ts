import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { DAY_MS } from '../core/ports/clock.ts'
import type { Certified } from './certificates.ts'

/** Where the server's certificate comes from. */
export type TlsSource =
  | { readonly kind: 'files'; readonly certPath: string; readonly keyPath: string }
  /** Made by us and kept in a folder; `hosts` are names and addresses under which clients reach the server. */
  | { readonly kind: 'self-signed'; readonly folder: string; readonly hosts: readonly string[] }

export interface LoadedTls extends Certified {
  /** The certificate that clients have to trust; undefined where it is the operator's affair. */
  readonly caPath: string | undefined
}

/** A certificate that is looked after: read again now and then, and handed to whoever serves with it when it has changed. */
export class RenewedTls {
  readonly #source: TlsSource
  readonly #users: ((identity: LoadedTls) => void)[] = []
  #current: LoadedTls

  private constructor(source: TlsSource, current: LoadedTls) {
    this.#source = source
    this.#current = current
  }

  /** @throws Error as `loadTls` */
  static async load(source: TlsSource, now?: number): Promise<RenewedTls> {
    return new RenewedTls(source, await loadTls(source, now))
  }

  get current(): LoadedTls {
    return this.#current
  }

  /** Calls for every certificate after the current one. */
  onRenewal(use: (identity: LoadedTls) => void): void {
    this.#users.push(use)
  }

  /**
   * Reads or makes the certificate anew. Connections that are open go on with the old one, and so does everything if it fails.
   * @returns whether it had changed
   * @throws Error as `loadTls`, such as while somebody has replaced one of two files
   */
  async renew(now = Date.now()): Promise<boolean> {
    const read = await loadTls(this.#source, now)
    if (read.cert === this.#current.cert && read.key === this.#current.key) return false
    this.#current = read
    for (const use of this.#users) use(read)
    return true
  }
}

const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1']
const AUTHORITY_DAYS = 10 * 365
/** What browsers accept at most. */
const SERVER_DAYS = 397
const RENEW_BEFORE_DAYS = 60
/** Clocks of clients may be behind ours. */
const BACKDATE_DAYS = 1

/**
 * The certificate and key to serve with. Made on first use and renewed in time where they are ours; to be called now and
 * then by a server that runs for long: files may be replaced, and what we made ends some day.
 * @throws Error in one sentence if a file cannot be read or the two do not belong together
 */
export async function loadTls(source: TlsSource, now = Date.now()): Promise<LoadedTls> {
  if (source.kind === 'self-signed') return loadSelfSigned(source.folder, source.hosts, now)
  const { certPath, keyPath } = source
  const [cert, key] = await Promise.all([readPem(certPath), readPem(keyPath)])
  if (!holds(() => new X509Certificate(cert)))
    throw new Error(`${certPath} holds no certificate in PEM form; correct ENTREPOT_TLS_CERT.`)
  if (!holds(() => createPrivateKey(key)))
    throw new Error(
      `${keyPath} holds no private key in PEM form, or one with a passphrase; correct ENTREPOT_TLS_KEY.`,
    )
  if (!isPair({ cert, key }))
    throw new Error(`${keyPath} is not the private key of the certificate in ${certPath}.`)
  return { cert, key, caPath: undefined }
}

/** The hosts that a server's own URLs name, for its certificate. */
export function hostsOf(...urls: readonly (string | undefined)[]): readonly string[] {
  const hosts = urls.flatMap((url) => (url === undefined ? [] : [new URL(url).hostname]))
  return hosts
    .map((host) => host.replace(/^\[(.*)\]$/, '$1'))
    .filter((host) => host !== '0.0.0.0' && host !== '::')
}

async function loadSelfSigned(
  folder: string,
  extraHosts: readonly string[],
  now: number,
): Promise<LoadedTls> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const caPath = join(folder, 'ca.pem')
  const hosts = [...new Set([...LOCAL_HOSTS, ...extraHosts])]
  const authority = await readPair(caPath, join(folder, 'ca.key'))
  const server = await readPair(join(folder, 'server.pem'), join(folder, 'server.key'))
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
async function readPair(certPath: string, keyPath: string): Promise<Certified | undefined> {
  try {
    const pair = { cert: await readFile(certPath, 'utf8'), key: await readFile(keyPath, 'utf8') }
    return isPair(pair) ? pair : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${certPath} or its key could not be read: ${(error as Error).message}`)
  }
}

function isPair({ cert, key }: Certified): boolean {
  return holds(() => new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
}

/** Whether what is read is there: OpenSSL throws for a text that it cannot read. */
function holds(read: () => unknown): boolean {
  try {
    return read() !== false
  } catch {
    return false
  }
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`${path} could not be read (${code}); correct ENTREPOT_TLS_CERT or ENTREPOT_TLS_KEY.`, {
      cause: error,
    })
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

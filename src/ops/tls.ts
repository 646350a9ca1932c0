import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Certified } from './certificates.ts'
import { isPair, loadSelfSigned } from './self-signed.ts'

/** Where the server's certificate comes from. */
export type TlsSource =
  | { readonly kind: 'files'; readonly certPath: string; readonly keyPath: string }
  /** Made by us and kept in a folder; `hosts` are names and addresses under which clients reach the server. */
  | { readonly kind: 'self-signed'; readonly folder: string; readonly hosts: readonly string[] }

export interface LoadedTls extends Certified {
  /** The certificate that clients have to trust; undefined where it is the operator's affair. */
  readonly caPath: string | undefined
}

/** A certificate that is read again now and then, and handed to whoever serves with it when it has changed. */
export class RenewedTls {
  readonly #source: TlsSource
  readonly #users: ((identity: LoadedTls) => void)[] = []
  current: LoadedTls

  private constructor(source: TlsSource, current: LoadedTls) {
    this.#source = source
    this.current = current
  }

  /** @throws Error as `loadTls` */
  static async load(source: TlsSource, now?: number): Promise<RenewedTls> {
    return new RenewedTls(source, await loadTls(source, now))
  }

  /** Calls for every certificate after the current one. */
  onRenewal(use: (identity: LoadedTls) => void): void {
    this.#users.push(use)
  }

  /**
   * Reads or makes the certificate anew. Open connections keep the old one, and so do new ones if it fails.
   * @returns whether it had changed
   * @throws Error as `loadTls`, such as while somebody has replaced one of two files
   */
  async renew(now = Date.now()): Promise<boolean> {
    const read = await loadTls(this.#source, now)
    if (read.cert === this.current.cert && read.key === this.current.key) return false
    this.current = read
    for (const use of this.#users) use(read)
    return true
  }
}

/**
 * The certificate and key to serve with. Made on first use and renewed in time where they are ours.
 * @throws Error in one sentence if a file cannot be read or the two do not belong together
 */
export async function loadTls(source: TlsSource, now = Date.now()): Promise<LoadedTls> {
  if (source.kind === 'self-signed') return loadSelfSigned(source.folder, source.hosts, now)
  const { certPath, keyPath } = source
  const [cert, key] = await Promise.all([readPem(certPath), readPem(keyPath)])
  requireReadable(
    () => new X509Certificate(cert),
    `${certPath} holds no certificate in PEM form; correct ENTREPOT_TLS_CERT.`,
  )
  requireReadable(
    () => createPrivateKey(key),
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

function requireReadable(read: () => unknown, sentence: string): void {
  try {
    read()
  } catch (cause) {
    throw new Error(sentence, { cause })
  }
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const how = 'correct ENTREPOT_TLS_CERT or ENTREPOT_TLS_KEY'
    throw new Error(`${path} could not be read (${code}); ${how}.`, { cause })
  }
}

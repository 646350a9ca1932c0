import { generateKeyPair, randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import forge from 'node-forge'

/** A certificate and its private key, PEM. */
export interface Certified {
  readonly cert: string
  readonly key: string
}

/** When a certificate begins and ends, milliseconds since the epoch. */
export interface Validity {
  readonly from: number
  readonly until: number
}

const KEYS = {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
} as const

/** A certificate authority of our own: whoever trusts it trusts what `signServer` makes with it. */
export function createAuthority(name: string, validity: Validity): Promise<Certified> {
  return certify(name, validity, [
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
  ])
}

/** A certificate for a server that is reached under these names and addresses. */
export function signServer(
  authority: Certified,
  hosts: readonly string[],
  validity: Validity,
): Promise<Certified> {
  const extensions = [
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    // Types of RFC 5280, 4.2.1.6.
    {
      name: 'subjectAltName',
      altNames: hosts.map((host) => (isIP(host) ? { type: 7, ip: host } : { type: 2, value: host })),
    },
  ]
  return certify(hosts[0] ?? 'localhost', validity, extensions, authority)
}

/** @param authority undefined: signed by itself */
async function certify(
  commonName: string,
  { from, until }: Validity,
  extensions: readonly object[],
  authority?: Certified,
): Promise<Certified> {
  const { publicKey, privateKey: key } = await promisify(generateKeyPair)('rsa', KEYS)
  const certificate = forge.pki.createCertificate()
  const issuer = authority ? forge.pki.certificateFromPem(authority.cert) : certificate
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
  // Positive, and of a fixed length.
  const serial = randomBytes(16)
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f)
  certificate.serialNumber = serial.toString('hex')
  certificate.validity.notBefore = new Date(from)
  certificate.validity.notAfter = new Date(until)
  certificate.setSubject([{ name: 'commonName', value: commonName }])
  certificate.setIssuer(issuer.subject.attributes)
  const keyIdentifier = issuer.generateSubjectKeyIdentifier().getBytes()
  const ofIssuer = authority ? [{ name: 'authorityKeyIdentifier', keyIdentifier }] : []
  certificate.setExtensions([...extensions, { name: 'subjectKeyIdentifier' }, ...ofIssuer])
  certificate.sign(forge.pki.privateKeyFromPem(authority?.key ?? key), forge.md.sha256.create())
  return { cert: forge.pki.certificateToPem(certificate), key }
}

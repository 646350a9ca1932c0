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

const RSA_BITS = 2048

/** A certificate authority of our own: whoever trusts it trusts what `signServer` makes with it. */
export async function createAuthority(name: string, validity: Validity): Promise<Certified> {
  const { certificate, key } = await blankCertificate(validity)
  const subject = [{ name: 'commonName', value: name }]
  certificate.setSubject(subject)
  certificate.setIssuer(subject)
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
  ])
  return sign(certificate, key, key)
}

/** A certificate for a server that is reached under these names and addresses. */
export async function signServer(
  authority: Certified,
  hosts: readonly string[],
  validity: Validity,
): Promise<Certified> {
  const issuer = forge.pki.certificateFromPem(authority.cert)
  const keyIdentifier = issuer.generateSubjectKeyIdentifier().getBytes()
  const { certificate, key } = await blankCertificate(validity)
  certificate.setSubject([{ name: 'commonName', value: hosts[0] ?? 'localhost' }])
  certificate.setIssuer(issuer.subject.attributes)
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: hosts.map(toAltName) },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier },
  ])
  return sign(certificate, key, authority.key)
}

async function blankCertificate({ from, until }: Validity) {
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS })
  const certificate = forge.pki.createCertificate()
  // Positive, and of a fixed length.
  const serial = randomBytes(16)
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f)
  certificate.serialNumber = serial.toString('hex')
  certificate.validity.notBefore = new Date(from)
  certificate.validity.notAfter = new Date(until)
  certificate.publicKey = forge.pki.publicKeyFromPem(
    pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  )
  return { certificate, key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

function sign(certificate: forge.pki.Certificate, key: string, signer: string): Certified {
  certificate.sign(forge.pki.privateKeyFromPem(signer), forge.md.sha256.create())
  return { cert: forge.pki.certificateToPem(certificate), key }
}

/** Types of RFC 5280, 4.2.1.6. */
function toAltName(host: string): { type: number; value: string } | { type: number; ip: string } {
  return isIP(host) ? { type: 7, ip: host } : { type: 2, value: host }
}

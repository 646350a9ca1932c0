import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect, createServer } from 'node:tls'
import { DAY_MS } from '../core/ports/clock.ts'
import { hostsOf, type LoadedTls, loadTls } from './tls.ts'

let root: string
/** Made once: keys take their time. Tests change copies of it. */
let folder: string
let made: LoadedTls

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'entrepot-tls-'))
  folder = join(root, 'tls')
  made = await loadTls({ kind: 'self-signed', folder, hosts: ['files.example'] })
})
after(() => rm(root, { recursive: true, force: true }))

async function copyOf(name: string): Promise<string> {
  const copy = join(root, name)
  await cp(folder, copy, { recursive: true })
  return copy
}

test('makes an authority and a certificate that clients accept under every name', async () => {
  const ca = await readFile(made.caPath ?? '', 'utf8')
  const server = createServer({ cert: made.cert, key: made.key }, (socket) => socket.end()).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  for (const servername of ['localhost', 'files.example']) {
    const socket = connect({ port, host: '127.0.0.1', ca, servername })
    await once(socket, 'secureConnect')
    assert.equal(socket.authorized, true)
    socket.destroy()
  }
  const byAddress = connect({ port, host: '127.0.0.1', ca })
  await once(byAddress, 'secureConnect')
  byAddress.destroy()
  const stranger = connect({ port, host: '127.0.0.1', ca, servername: 'other.example' })
  await assert.rejects(once(stranger, 'secureConnect'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  server.close()
})

test('keeps private keys to their owner', async () => {
  for (const name of ['ca.key', 'server.key']) {
    assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600)
  }
  assert.equal((await stat(folder)).mode & 0o777, 0o700)
})

test('uses what is there as long as it is good', async () => {
  const again = await loadTls({ kind: 'self-signed', folder, hosts: ['files.example'] })
  assert.deepEqual(again, made)
  assert.deepEqual(await loadTls({ kind: 'self-signed', folder, hosts: [] }), made)
})

test('renews in time, and for another host, under the same authority', async () => {
  const copy = await copyOf('renew')
  const ca = await readFile(join(copy, 'ca.pem'), 'utf8')
  const later = Date.now() + 350 * DAY_MS
  const renewed = await loadTls({ kind: 'self-signed', folder: copy, hosts: [] }, later)
  assert.ok(Date.parse(new X509Certificate(renewed.cert).validTo) > later + 300 * DAY_MS)
  const moved = await loadTls(
    { kind: 'self-signed', folder: copy, hosts: ['new.example', '10.1.2.3'] },
    later,
  )
  assert.match(new X509Certificate(moved.cert).subjectAltName ?? '', /new\.example.*10\.1\.2\.3/)
  assert.equal(await readFile(join(copy, 'ca.pem'), 'utf8'), ca)
  const muchLater = Date.now() + 9 * 365 * DAY_MS
  await loadTls({ kind: 'self-signed', folder: copy, hosts: [] }, muchLater)
  assert.notEqual(await readFile(join(copy, 'ca.pem'), 'utf8'), ca)
})

test('makes anew what is broken', async () => {
  const copy = await copyOf('broken')
  await writeFile(join(copy, 'server.key'), 'nonsense')
  const repaired = await loadTls({ kind: 'self-signed', folder: copy, hosts: [] })
  assert.notEqual(repaired.cert, made.cert)
  assert.ok(
    new X509Certificate(repaired.cert).verify(
      new X509Certificate(await readFile(join(copy, 'ca.pem'))).publicKey,
    ),
  )
})

test('takes the files of an operator, if they belong together', async () => {
  const files = { certPath: join(folder, 'server.pem'), keyPath: join(folder, 'server.key') }
  const { cert, key, caPath } = await loadTls({ kind: 'files', ...files })
  assert.deepEqual([cert, key, caPath], [made.cert, made.key, undefined])
  await assert.rejects(
    loadTls({ kind: 'files', ...files, keyPath: join(folder, 'ca.key') }),
    /is not the private key/,
  )
  await assert.rejects(
    loadTls({ kind: 'files', ...files, certPath: join(root, 'none.pem') }),
    /could not be read \(ENOENT\); correct ENTREPOT_TLS_CERT or ENTREPOT_TLS_KEY\.$/,
  )
})

test('a file that is no certificate or no key is refused as such, whatever the other one is', async () => {
  const files = { certPath: join(folder, 'server.pem'), keyPath: join(folder, 'server.key') }
  const text = join(root, 'passwd')
  await writeFile(text, 'root:x:0:0:root:/root:/bin/sh\n')
  const locked = join(root, 'locked.key')
  const key = createPrivateKey(made.key)
  await writeFile(
    locked,
    key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'sesame' }),
  )
  for (const keyPath of [text, files.keyPath])
    await assert.rejects(loadTls({ kind: 'files', certPath: text, keyPath }), {
      message: `${text} holds no certificate in PEM form; correct ENTREPOT_TLS_CERT.`,
    })
  for (const keyPath of [text, files.certPath, locked])
    await assert.rejects(loadTls({ kind: 'files', ...files, keyPath }), {
      message: `${keyPath} holds no private key in PEM form, or one with a passphrase; correct ENTREPOT_TLS_KEY.`,
    })
})

test('the hosts of a certificate come from the URLs of the server', () => {
  const urls = ['https://files.example:8443/x', undefined, 'http://[2001:db8::1]:8420', 'http://0.0.0.0:1']
  assert.deepEqual(hostsOf(...urls), ['files.example', '2001:db8::1'])
})

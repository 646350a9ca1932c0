/** The configurations of docs/proxies.md, with the programs that they are for. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { credentials } from '@grpc/grpc-js'
import { Upload } from 'tus-js-client'
import { loadTls } from '../../src/ops/tls.ts'
import { freePort, runNginx, whyNoNginx } from '../faults/balancers.ts'
import { TestServer } from '../harness.ts'
import { LightfieldClient } from '../lightfield-client.ts'
import { LlamaCloudClient, type PageBody } from '../llamacloud-client.ts'
import { onlyLong } from '../rounds.ts'
import { head, TusClient } from '../tus-client.ts'
import { until } from '../until.ts'
import { YandexClient } from '../yandex-client.ts'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/proxies.md'), 'utf8')
const LARGE_BYTES = 256 * 1024 * 1024
const PATIENCE_MS = 10_000
/** Long enough for a megabyte to pass a proxy that does not wait for the rest. */
const PASSING_MS = 500

interface Proxy {
  readonly name: string
  /** Of its block in the page. */
  readonly language: string
  readonly skip: string | false
  /** Whether a client gets the interim answers of the server. */
  readonly passesInterim: boolean
  /** Puts the certificate of the test into the configuration. */
  withCertificate(text: string, certPath: string, keyPath: string): string
  run(t: Pick<TestContext, 'after' | 'diagnostic'>, text: string): Promise<void>
}

const nginx: Proxy = {
  name: 'nginx',
  language: 'nginx',
  skip: whyNoNginx(),
  passesInterim: false,
  withCertificate: (text, certPath, keyPath) =>
    text
      .replace('/etc/ssl/files.example.com.pem', certPath)
      .replace('/etc/ssl/files.example.com.key', keyPath),
  run: (t, text) => runNginx(t as TestContext, text),
}

const caddy: Proxy = {
  name: 'Caddy',
  language: 'caddyfile',
  skip: spawnSync('caddy', ['version']).error === undefined ? false : 'only where Caddy is installed',
  passesInterim: true,
  // It would ask an authority on the internet for one.
  withCertificate: (text, certPath, keyPath) =>
    `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${text.replaceAll(/^files\.example\.com.* \{$/gm, `$&\n\ttls ${certPath} ${keyPath}`)}`,
  async run(t, text) {
    const folder = mkdtempSync(join(tmpdir(), 'entrepot-caddy-'))
    writeFileSync(join(folder, 'Caddyfile'), text)
    const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
    const child = spawn('caddy', ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'], {
      env,
      stdio: 'ignore',
    })
    t.after(async () => {
      await ended(child)
      rmSync(folder, { recursive: true, force: true })
    })
  },
}

for (const proxy of [nginx, caddy]) {
  describe(`${proxy.name}, as documented`, { skip: onlyLong || proxy.skip }, () => {
    const ends: (() => unknown)[] = []
    let server: TestServer
    let front: { readonly url: string; readonly key: string }
    let grpcAddress = ''
    let ca = ''

    before(async () => {
      const [port, grpcPort] = await Promise.all([freePort(), freePort()])
      const url = `https://localhost:${port}`
      server = await TestServer.start({
        ENTREPOT_PUBLIC_URL: url,
        ENTREPOT_GRPC_PORT: '0',
        ENTREPOT_RESUMABLE_DRAFT: 'on',
      })
      ends.push(() => server.stop())
      front = { url, key: server.key }
      grpcAddress = `localhost:${grpcPort}`
      const folder = mkdtempSync(join(tmpdir(), 'entrepot-proxy-'))
      ends.push(() => rmSync(folder, { recursive: true, force: true }))
      const { cert, key, caPath = '' } = await loadTls({ kind: 'self-signed', folder, hosts: ['localhost'] })
      ca = readFileSync(caPath, 'utf8')
      const trusted = getCACertificates('default')
      setDefaultCACertificates([...trusted, ca])
      ends.push(() => setDefaultCACertificates(trusted))
      const [certPath, keyPath] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
      writeFileSync(certPath, cert)
      writeFileSync(keyPath, key)
      const upstream = new URL(server.app.listeningUrl).port
      const ports = { 443: port, 8443: grpcPort, 8420: upstream, 8421: server.grpcAddress.split(':').at(-1) }
      const text = atPorts(proxy.withCertificate(documented(proxy.language), certPath, keyPath), ports)
      await proxy.run(
        { after: (end) => void ends.unshift(end as () => unknown), diagnostic: console.error },
        text,
      )
      const answers = async () => (await fetch(`${url}/healthz`).catch(() => undefined))?.ok === true
      assert.ok(await until(PATIENCE_MS, answers))
    })
    after(async () => {
      for (const end of ends) await end()
    })

    test('passes large bytes in and out by links that lead to it', async () => {
      const client = new LightfieldClient(front)
      const bytes = randomBytes(LARGE_BYTES)
      const fields = { filename: 'large.bin', mimeType: 'application/octet-stream', sizeBytes: bytes.length }
      const { body } = await client.create(fields)
      assert.ok(body.uploadUrl.startsWith(`${front.url}/transfer/`), body.uploadUrl)
      const { id, uploadUrl, uploadHeaders } = body
      assert.equal(
        (await fetch(uploadUrl, { method: 'PUT', headers: uploadHeaders, body: bytes })).status,
        200,
      )
      assert.equal((await client.send('POST', `/v1/files/${id}/complete`)).status, 200)
      const sent = await fetch(await client.link(id))
      assert.equal(hash('sha256', new Uint8Array(await sent.arrayBuffer())), hash('sha256', bytes))
    })

    test('passes bytes of an upload on as they come: those of a broken one are kept', async () => {
      const client = new TusClient(front)
      const link = await client.created(2_000_000)
      const outgoing = request(link, {
        method: 'PATCH',
        headers: {
          'tus-resumable': '1.0.0',
          'upload-offset': '0',
          'content-type': 'application/offset+octet-stream',
          'content-length': 2_000_000,
        },
      })
      outgoing.on('error', () => {})
      outgoing.write(randomBytes(1_000_000))
      await delay(PASSING_MS)
      outgoing.destroy()
      const isKept = async () => Number((await head(link)).headers.get('upload-offset')) === 1_000_000
      assert.ok(await until(PATIENCE_MS, isKept))
    })

    test('passes an upload of tus-js-client', async () => {
      const bytes = randomBytes(300_000)
      const url = await new Promise<string>((resolve, reject) => {
        const upload = new Upload(bytes as unknown as ConstructorParameters<typeof Upload>[0], {
          endpoint: `${front.url}/tus`,
          headers: { authorization: `Bearer ${front.key}` },
          chunkSize: 100_000,
          retryDelays: null,
          onSuccess: () => resolve(upload.url ?? ''),
          onError: reject,
        })
        upload.start()
      })
      assert.ok(url.startsWith(front.url), url)
      assert.equal((await head(url)).headers.get('upload-offset'), '300000')
    })

    test('passes a query of a thousand ids', async () => {
      const client = new LlamaCloudClient(front)
      const { id } = await client.stored()
      const ids = Array.from({ length: 1000 }, () => `file_ids=${id}`)
      const { status, body } = await client.get<PageBody>(`?${ids.join('&')}`)
      assert.deepEqual([status, body.items?.map((file) => file.id)], [200, [id]])
    })

    test('passes calls of gRPC', async (t) => {
      const client = new YandexClient(
        grpcAddress,
        `Api-Key ${front.key}`,
        credentials.createSsl(Buffer.from(ca)),
      )
      t.after(() => client.close())
      const { id } = await client.stored(randomBytes(3_000_000))
      assert.match(id, /\w/)
    })

    test(`${proxy.passesInterim ? 'passes' : 'keeps back'} interim answers, and final ones arrive`, async () => {
      const { body } = await new LightfieldClient(front).create({
        filename: 'a.txt',
        mimeType: 'text/plain',
        sizeBytes: 5,
      })
      const headers = { ...body.uploadHeaders, 'upload-draft-interop-version': '9', 'upload-complete': '?1' }
      const answer = await put(body.uploadUrl, headers, 'hello')
      assert.equal(answer.status, 200)
      assert.equal(answer.headers['upload-complete'], '?1')
      assert.deepEqual(answer.interim, proxy.passesInterim ? [104] : [])
    })
  })
}

function documented(language: string): string {
  return new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(PAGE)?.[1] ?? assert.fail(`no ${language}`)
}

/** With ports of the test in place of those that are documented. */
function atPorts(text: string, ports: Readonly<Record<string, number | string | undefined>>): string {
  const told = text
    .replaceAll(/^files\.example\.com \{$/gm, 'files.example.com:443 {')
    .replaceAll('files.example.com', 'localhost')
  return told.replaceAll(/\b(443|84\d\d)\b/g, (port) => String(ports[port] ?? port))
}

interface PutAnswer {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']
  readonly interim: readonly number[]
}

async function put(url: string, headers: OutgoingHttpHeaders, body: string): Promise<PutAnswer> {
  const interim: number[] = []
  const outgoing = request(url, {
    method: 'PUT',
    headers: { ...headers, 'content-length': body.length },
    agent: false,
  })
  outgoing.on('information', ({ statusCode }) => interim.push(statusCode))
  outgoing.end(body)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  await buffer(incoming)
  return { status: incoming.statusCode, headers: incoming.headers, interim }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

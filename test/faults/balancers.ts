import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

/** How long a server that refused a connection is not tried again, as in the documented configuration of nginx. */
const FAILED_MS = 2000
const SCALING = fileURLToPath(new URL('../../docs/scaling.md', import.meta.url))

/** Ports of a server on this machine. */
export interface Upstream {
  readonly port: number
  readonly grpcPort: number
}

/** Where clients come in. */
export interface Front extends Upstream {
  readonly url: string
}

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createNetServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/**
 * Does over HTTP what nginx does by default: servers in turn on connections that are kept, another one only if no connection
 * could be made, else 502; it asks nobody whether it is ready.
 */
export async function startBalancer(
  t: TestContext,
  front: Front,
  upstreams: readonly Upstream[],
): Promise<void> {
  const ports = upstreams.map(({ port }) => port)
  const agents = ports.map(() => new Agent({ keepAlive: true, maxFreeSockets: 64, scheduling: 'lifo' }))
  const failedUntil = ports.map(() => 0)
  let turn = 0
  const pass = (incoming: IncomingMessage, body: Buffer, answer: ServerResponse, tries: number) => {
    const isUp = (at: number) => performance.now() >= (failedUntil[at] ?? 0)
    const at = [...ports.keys()].map((n) => (turn + n) % ports.length).find(isUp)
    turn++
    if (at === undefined || tries === 0) return answer.writeHead(502).end('no server takes connections')
    const { url: path, method, headers } = incoming
    const { connection: _, ...kept } = headers
    const options = { host: '127.0.0.1', port: ports[at], agent: agents[at], path, method, headers: kept }
    const outgoing = request(options, (response) => {
      const { connection: __, ...back } = response.headers
      answer.writeHead(response.statusCode ?? 502, back)
      response.pipe(answer)
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNREFUSED') return answer.writeHead(502).end(String(error.code))
      failedUntil[at] = performance.now() + FAILED_MS
      pass(incoming, body, answer, tries - 1)
    })
    outgoing.end(body)
  }
  const server = createServer(async (incoming, answer) =>
    pass(incoming, await buffer(incoming), answer, ports.length),
  )
  server.listen(front.port, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
    for (const agent of agents) agent.destroy()
  })
}

/** Why nginx cannot be run here; false if it can. */
export function whyNoNginx(): string | false {
  return spawnSync('nginx', ['-v']).error === undefined ? false : 'only where nginx is installed'
}

/** Runs nginx with the configuration of docs/scaling.md in front of two servers. */
export async function startNginx(
  t: TestContext,
  front: Front,
  upstreams: readonly Upstream[],
): Promise<void> {
  const text = await documentedConfiguration(SCALING)
  await runNginx(t, atPorts(text, front, upstreams))
}

/** Runs nginx until the test ends, with its own files in a folder that needs no rights. */
export async function runNginx(t: TestContext, configuration: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-nginx-'))
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder};`,
  )
  const text = configuration.replace('http {', `http { ${paths.join(' ')}`)
  await writeFile(join(folder, 'nginx.conf'), text)
  const options = ['-p', folder, '-c', 'nginx.conf', '-e', join(folder, 'error.log')]
  const child = spawn('nginx', [...options, '-g', `daemon off; pid ${folder}/pid;`], { stdio: 'inherit' })
  t.after(async () => {
    await ended(child)
    for (const line of (await readFile(join(folder, 'error.log'), 'utf8')).split('\n'))
      if (/\[error\]/.test(line) && !line.includes('Connection refused')) t.diagnostic(line)
    await rm(folder, { recursive: true, force: true })
  })
}

/** The configuration of nginx in a page of the documentation. */
export async function documentedConfiguration(page: string): Promise<string> {
  const [, text] = /```nginx\n([\s\S]*?)```/.exec(await readFile(page, 'utf8')) ?? []
  if (text === undefined) throw new Error(`${page} has no configuration of nginx`)
  return text
}

/** With free ports in the place of those that it names. */
function atPorts(text: string, front: Front, upstreams: readonly Upstream[]): string {
  const ports = new Map([
    ['8420', front.port],
    ['8421', front.grpcPort],
    ...upstreams.flatMap(({ port, grpcPort }, index): [string, number][] => [
      [`84${3 + index}0`, port],
      [`84${3 + index}1`, grpcPort],
    ]),
  ])
  return text.replace(/\b84\d\d\b/g, (port) => String(ports.get(port) ?? port))
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startApp } from '../src/app/app.ts'
import { loadConfig } from '../src/app/settings.ts'
import type { Environment } from '../src/config/setting.ts'
import { captureLog } from './captured-log.ts'
import { TestServer } from './harness.ts'
import { newFolder } from './new-folder.ts'

async function accepts(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host)
  const connected = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return connected
}

test('a host name is listened on at one of its addresses, by the one server that has all bounds', async (t) => {
  const server = await TestServer.start({ ENTREPOT_HOST: 'localhost' })
  t.after(() => server.stop())
  const port = Number(new URL(server.url).port)
  const accepting = await Promise.all(['127.0.0.1', '::1'].map((host) => accepts(host, port)))
  assert.equal(accepting.filter(Boolean).length, 1)
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
})

/** The warnings of a start, and where the server says that it listens. */
async function startOn(t: TestContext, settings: Environment) {
  const log = captureLog('info')
  const ports = { ENTREPOT_PORT: '0', ENTREPOT_GRPC_PORT: 'off', ENTREPOT_METRICS_PORT: 'off' }
  const config = loadConfig({ ...ports, ENTREPOT_DATA_DIR: newFolder('entrepot-listening-'), ...settings })
  const app = await startApp(config, { logger: log.logger })
  t.after(() => app.stop())
  return { app, warnings: log.lines().filter(({ level, msg }) => level === 40 && msg.startsWith('links')) }
}

test('links that lead other machines to themselves are warned of at the start', async (t) => {
  const { app, warnings } = await startOn(t, { ENTREPOT_HOST: '0.0.0.0' })
  const port = new URL(app.url).port
  assert.equal(app.listeningUrl, `http://0.0.0.0:${port}`)
  assert.deepEqual(
    warnings.map(({ msg, listening }) => [msg, listening]),
    [
      [
        `links begin with http://127.0.0.1:${port}, which leads other machines to themselves; set ENTREPOT_PUBLIC_URL to the address that clients see`,
        app.listeningUrl,
      ],
    ],
  )
})

test('nothing is said of links with a public URL, or where only this machine comes', async (t) => {
  const publicUrl = { ENTREPOT_HOST: '0.0.0.0', ENTREPOT_PUBLIC_URL: 'https://files.example' }
  for (const settings of [publicUrl, { ENTREPOT_HOST: '127.0.0.1' }])
    assert.deepEqual((await startOn(t, settings)).warnings, [])
})

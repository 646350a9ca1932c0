import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { TestServer } from './harness.ts'

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

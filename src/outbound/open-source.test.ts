import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type OpenSource, openSource } from './open-source.ts'

async function start(t: TestContext, listener: RequestListener) {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, port: (server.address() as AddressInfo).port }
}

function get(url: string): OpenSource {
  return { url, headers: {}, followRedirects: true, signal: new AbortController().signal }
}

const refused = { name: 'ServiceError', code: 'rule-violated' }

test('a name is resolved once for each request, and the connection goes to the address that was found', async (t) => {
  const { port } = await start(t, ({ url }, response) => {
    if (url === '/a') response.writeHead(302, { location: '/b' }).end()
    else response.end('found')
  })
  const asked: string[] = []
  const resolve = async (host: string) => {
    asked.push(host)
    return [{ address: '127.0.0.1', family: 4 }]
  }
  const source = await openSource(get(`http://source.test:${port}/a`), {
    allowedHosts: ['source.test'],
    resolve,
  })
  const chunks = await Array.fromAsync(source.body)
  assert.equal(Buffer.concat(chunks).toString(), 'found')
  assert.deepEqual(asked, ['source.test', 'source.test'])
})

test('one address of a name that is not public makes all of them suspect', async () => {
  for (const addresses of [
    ['127.0.0.1'],
    ['8.8.8.8', '10.0.0.1'],
    ['2606:4700::1', '::ffff:127.0.0.1'],
    [],
  ]) {
    const resolve = async () =>
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    await assert.rejects(
      openSource(get('https://source.test/x'), { allowedHosts: ['other.test'], resolve }),
      {
        ...refused,
        message: 'The host of the URL has no public address.',
      },
    )
  }
})

test('a host is allowed with all its ports, or with the one that is named', async (t) => {
  const { port } = await start(t, (_request, response) => response.end('found'))
  const open = (allowed: string) => openSource(get(`http://127.0.0.1:${port}/`), { allowedHosts: [allowed] })
  for (const allowed of ['127.0.0.1', `127.0.0.1:${port}`]) (await open(allowed)).close()
  for (const allowed of ['127.0.0.1:80', '127.0.0.2']) await assert.rejects(open(allowed), refused)
})

test('who does not answer in half a minute, or whose name is not found in that time, is given up', async (t) => {
  const { server, port } = await start(t, () => undefined)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const asked = once(server, 'request')
  const silent = openSource(get(`http://127.0.0.1:${port}/`), { allowedHosts: ['127.0.0.1'] })
  silent.catch(() => undefined)
  await asked
  t.mock.timers.tick(30_000)
  await assert.rejects(silent, refused)
  const lost = openSource(get('https://source.test/'), {
    allowedHosts: [],
    resolve: () => new Promise(() => undefined),
  })
  t.mock.timers.tick(30_000)
  await assert.rejects(lost, refused)
})

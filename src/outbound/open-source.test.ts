import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
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

/** A server that answers each connection with these bytes, one a character, and counts who asked for what. */
async function answering(t: TestContext, ...answers: readonly string[]) {
  const asked: string[] = []
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (head) => {
      asked.push(head.toString('latin1').split(' ')[1] ?? '')
      socket.end(answers[asked.length - 1] ?? '', 'latin1')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  return { asked, open: () => openSource(get(`http://127.0.0.1:${port}/`), { allowedHosts: ['127.0.0.1'] }) }
}

function withHeaders(status: string, ...lines: readonly string[]): string {
  return [`HTTP/1.1 ${status}`, ...lines, '', ''].join('\r\n')
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

test('an answer that changes the protocol is refused, and so is none', async (t) => {
  const upgrade = withHeaders('101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade')
  const bare = withHeaders('101 Switching Protocols')
  const early = withHeaders('103 Early Hints')
  const { open } = await answering(t, upgrade, bare, early, '')
  await assert.rejects(open(), { ...refused, message: /another protocol \(101\)/ })
  for (let rest = 0; rest < 3; rest++) await assert.rejects(open(), refused)
})

test('a redirect goes where its bytes say, beyond ASCII too', async (t) => {
  for (const [location, path] of [
    ['/\u00c3\u00a9?\u00c3\u00bc', '/%C3%A9?%C3%BC'],
    ['/\u00e9', '/%E9'],
    ['/%C3%A9', '/%C3%A9'],
  ] as const) {
    const { asked, open } = await answering(t, withHeaders('302 Found', `Location: ${location}`))
    await assert.rejects(open(), refused)
    assert.deepEqual(asked, ['/', path])
  }
})

test('a redirect to nowhere is told at once', async (t) => {
  for (const lines of [[], ['Location:'], ['Location:  ']]) {
    const { asked, open } = await answering(t, withHeaders('302 Found', ...lines))
    await assert.rejects(open(), { ...refused, message: /no Location/ })
    assert.deepEqual(asked, ['/'])
  }
})

test('bytes with a coding on them are refused, whichever header tells it, and quoted at a sensible length', async (t) => {
  const chunked = '5\r\nhello\r\n0\r\n\r\n'
  for (const [lines, coding] of [
    [['Transfer-Encoding: gzip, chunked'], 'gzip'],
    [['Transfer-Encoding: chunked', 'Content-Encoding: BR'], 'br'],
    [['Content-Encoding: identity, gzip'], 'gzip'],
    [[`Content-Encoding: ${'x'.repeat(5_000)}`], 'x'.repeat(40)],
  ] as const) {
    const { open } = await answering(t, withHeaders('200 OK', ...lines) + chunked)
    const message = `The URL answers in the encoding ${coding}, which was not asked for.`
    await assert.rejects(open(), { ...refused, message })
  }
})

test('codings that leave the bytes as they are make no difference', async (t) => {
  for (const line of ['Content-Encoding: Identity', 'Content-Encoding:', 'Content-Encoding: identity,']) {
    const { open } = await answering(t, `${withHeaders('200 OK', line, 'Content-Length: 5')}hello`)
    const chunks = await Array.fromAsync((await open()).body)
    assert.equal(Buffer.concat(chunks).toString(), 'hello')
  }
})

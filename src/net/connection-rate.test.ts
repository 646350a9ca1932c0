import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, BlockList, connect, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { networks } from '../config/networks.ts'
import { WrongValue } from '../config/setting.ts'
import { ConnectionRate } from './connection-rate.ts'

const nobody = new BlockList()
const A = '192.0.2.1'

/** @returns how many of so many connections from these addresses, in turn, are not refused */
function admitted(rate: ConnectionRate, addresses: readonly string[], count: number, nowMs = 0): number {
  let refused = 0
  for (let at = 0; at < count; at++)
    if (rate.refuses(addresses[at % addresses.length] as string, nowMs)) refused++
  return count - refused
}

test('a peer opens so many connections at once, and so many a second from then on', () => {
  const rate = new ConnectionRate({ perSecond: 10, spared: nobody })
  assert.equal(admitted(rate, [A], 100), 10)
  assert.equal(admitted(rate, [A], 100, 500), 5)
  assert.equal(admitted(rate, [A], 100, 1_500), 10)
  assert.equal(admitted(rate, [A], 100, 60_000), 10)
})

test('a peer does not pay for another', () => {
  const rate = new ConnectionRate({ perSecond: 10, spared: nobody })
  assert.equal(admitted(rate, [A, '192.0.2.2'], 100), 20)
})

test('IPv4 written as IPv6 is the same peer, and so are the addresses of a /64 network', () => {
  const rate = new ConnectionRate({ perSecond: 10, spared: nobody })
  assert.equal(admitted(rate, [A, `::ffff:${A}`], 100), 10)
  assert.equal(admitted(rate, ['2001:db8::1', '2001:db8:0:0:1:2:3:4', '2001:db8::ffff'], 100), 10)
  assert.equal(admitted(rate, ['2001:db8:0:1::1', '2001:db8:0:2::1'], 100), 20)
})

test('loopback and proxies that are named are not counted, in any spelling', () => {
  const spared = networks('10.0.0.5, 10.1.0.0/16, 2001:db8::/32', true)
  const rate = new ConnectionRate({ perSecond: 1, spared })
  const known = ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '10.0.0.5', '::ffff:10.1.2.3']
  assert.equal(admitted(rate, [...known, '2001:db8:1::1'], 100), 100)
  assert.equal(admitted(rate, ['10.0.0.6', '10.2.0.1', '2001:db9::1'], 100), 3)
})

test('any number is let in where there is no limit', () => {
  assert.equal(admitted(new ConnectionRate({ perSecond: undefined, spared: nobody }), [A], 10_000), 10_000)
})

test('names of networks that are none are told', () => {
  for (const text of [
    ',',
    '10.0.0.5,',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'fe80::/129',
    'host',
    '1.2.3',
  ])
    assert.throws(() => networks(text, true), WrongValue)
})

/** Of this machine, where connections come from an address that is counted. */
const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find((each) => each?.family === 'IPv4' && !each.internal)?.address

test('a server closes connections beyond the limit as they come, others go on', async (t) => {
  if (ownAddress === undefined) return t.skip('only on machines with an address beside loopback')
  const served: string[] = []
  const server = createServer((socket) => {
    served.push(socket.remoteAddress ?? '')
    socket.on('error', () => undefined).end('hello')
  })
  new ConnectionRate({ perSecond: 5, spared: nobody }).limit(server)
  server.listen(0)
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const opened = async (host: string) => {
    const socket = connect(port, host).on('error', () => undefined)
    let received = ''
    socket.setEncoding('utf8').on('data', (text) => {
      received += text
    })
    await once(socket, 'close')
    return received
  }
  const answers: string[] = []
  for (let at = 0; at < 20; at++) answers.push(await opened(ownAddress))
  const greeted = answers.filter((text) => text === 'hello').length
  assert.ok(greeted >= 5 && greeted < 20, `${greeted}`)
  assert.equal(served.length, greeted)
  assert.equal(await opened('127.0.0.1'), 'hello')
})

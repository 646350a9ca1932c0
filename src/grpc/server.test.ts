import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { after, before, test } from 'node:test'
import type { Client } from '@grpc/grpc-js'
import { defaultGrpcLimits } from './limits.ts'
import {
  callRaw,
  connect,
  ECHO,
  type EchoServer,
  MAX_MESSAGE_BYTES,
  SLEEP,
  startEcho,
} from './server.harness.ts'
import { startGrpcServer } from './server.ts'
import { grpcCodes } from './status.ts'

const GZIP = 2
const UUID = /^[0-9a-f-]{36}$/

let echo: EchoServer
let client: Client

before(async () => {
  echo = await startEcho()
  client = connect(echo.server)
})
after(async () => {
  client.close()
  await echo.server.stop(1000)
})

test('answers messages of any size up to the bound, an empty one included', async () => {
  for (const size of [0, 1, 65_536, MAX_MESSAGE_BYTES]) {
    const { answer } = await callRaw(client, ECHO, Buffer.alloc(size, 'x'))
    assert.equal(answer?.byteLength, size)
  }
  assert.equal(echo.memory.usedBytes, 0)
})

test('a longer message is refused as invalid, which no client repeats, and is never gathered', async () => {
  const { error, initial } = await callRaw(client, ECHO, Buffer.alloc(MAX_MESSAGE_BYTES + 1))
  assert.equal(error?.code, grpcCodes.INVALID_ARGUMENT)
  assert.match(error.details, /8388609 bytes, the maximum is 8388608/)
  assert.equal(echo.memory.usedBytes, 0)
  assert.ok(!echo.events.includes(`message of ${MAX_MESSAGE_BYTES + 1}`))
  assert.equal(initial, undefined)
})

test('tells the ids of the request in the trailers, of answers and of errors', async () => {
  for (const message of ['fine', 'break']) {
    const { status } = await callRaw(client, ECHO, Buffer.from(message), {
      metadata: { 'x-client-request-id': 'mine' },
    })
    assert.match(String(status?.metadata.get('x-request-id')), UUID)
    assert.deepEqual(status?.metadata.get('x-server-trace-id'), status?.metadata.get('x-request-id'))
    assert.deepEqual(status?.metadata.get('x-client-request-id'), ['mine'])
  }
})

test('a client id that no header could carry is not told back', async () => {
  const metadata = { 'x-client-request-id': 'x'.repeat(200) }
  const { status } = await callRaw(client, ECHO, Buffer.from('a'), { metadata })
  assert.deepEqual(status?.metadata.get('x-client-request-id'), [])
})

test('a failure carries its details, and is logged', async () => {
  const { error, status } = await callRaw(client, ECHO, Buffer.from('break'))
  assert.equal(error?.code, grpcCodes.INTERNAL)
  assert.equal(error.details, 'Internal error')
  assert.deepEqual(status?.metadata.get('grpc-status-details-bin'), [Buffer.from('details')])
  assert.equal(echo.events.at(-1), 'fault')
})

test('nobody who is not admitted gets a message read', async () => {
  const { error } = await callRaw(client, SLEEP, Buffer.alloc(5_000_000))
  assert.equal(error?.code, grpcCodes.UNAUTHENTICATED)
})

test('compressed messages are refused by their first byte, a bomb as well as a harmless one', async () => {
  const zipped = connect(echo.server, { 'grpc.default_compression_algorithm': GZIP })
  echo.events.length = 0
  for (const size of [1000, 64 * 1024 * 1024]) {
    const { error, status } = await callRaw(zipped, ECHO, Buffer.alloc(size))
    assert.equal(error?.code, grpcCodes.UNIMPLEMENTED)
    assert.match(String(status?.metadata.get('x-request-id')), UUID)
  }
  assert.deepEqual(echo.events, ['admit', 'admit'])
  assert.equal(echo.memory.usedBytes, 0)
  zipped.close()
})

test('metadata has a bound, and the library one above it', async () => {
  const many = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`x-${i}`, 'y'.repeat(200)]))
  const { error } = await callRaw(client, ECHO, Buffer.from('a'), { metadata: many })
  assert.equal(error?.code, grpcCodes.INVALID_ARGUMENT)
  assert.match(error.details, /metadata exceeds/)
  const huge = { 'x-huge': 'y'.repeat(1_000_000) }
  const flood = await callRaw(client, ECHO, Buffer.from('a'), { metadata: huge })
  assert.notEqual(flood.error?.code, undefined)
  assert.equal((await callRaw(client, ECHO, Buffer.from('a'))).answer?.toString(), 'a')
})

test('a call without a deadline gets one', async () => {
  const { server } = await startEcho({ deadlineMs: 50 })
  const own = connect(server)
  const { error, status } = await callRaw(own, SLEEP, Buffer.from('60000'), {
    metadata: { authorization: 'me' },
  })
  assert.equal(error?.code, grpcCodes.DEADLINE_EXCEEDED)
  assert.match(String(status?.metadata.get('x-request-id')), UUID)
  own.close()
  await server.stop(1000)
})

test('the deadline of a client ends the work for it', async () => {
  const { error } = await callRaw(client, SLEEP, Buffer.from('60000'), {
    metadata: { authorization: 'me' },
    deadline: Date.now() + 50,
  })
  assert.equal(error?.code, grpcCodes.DEADLINE_EXCEEDED)
})

test('messages together stay within the budget of the process; who has no room may try again', async () => {
  const { server, memory } = await startEcho({}, { maxBytes: 17_000_000 })
  const own = connect(server)
  const size = 4_000_000
  const results = await Promise.all(Array.from({ length: 12 }, () => callRaw(own, ECHO, Buffer.alloc(size))))
  const codes = results.map(({ error }) => error?.code ?? 0)
  assert.ok(codes.includes(grpcCodes.OK))
  assert.ok(codes.every((code) => code === grpcCodes.OK || code === grpcCodes.RESOURCE_EXHAUSTED))
  for (const { error, status } of results) {
    const details = status?.metadata.get('grpc-status-details-bin') ?? []
    assert.equal(String(details).includes('google.rpc.RetryInfo'), error !== undefined && error !== null)
  }
  assert.equal((await callRaw(own, ECHO, Buffer.alloc(size))).answer?.byteLength, size)
  assert.equal(memory.usedBytes, 0)
  own.close()
  await server.stop(1000)
})

test('an unknown method is unimplemented, reflection among them', async () => {
  for (const path of [
    '/test.Echo/Nothing',
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    '/x',
  ]) {
    assert.equal((await callRaw(client, path, Buffer.from(''))).error?.code, grpcCodes.UNIMPLEMENTED)
  }
})

test('a stop takes no new calls, answers those on their way, and cuts what takes too long', async () => {
  const { server } = await startEcho()
  const own = connect(server)
  const metadata = { authorization: 'me' }
  const quick = callRaw(own, SLEEP, Buffer.from('200'), { metadata })
  const slow = callRaw(own, SLEEP, Buffer.from('60000'), { metadata })
  // Both are on their way once a later one was answered.
  await callRaw(own, ECHO, Buffer.from('a'))
  const stopped = server.stop(1000)
  // On its way before the client can know, on the connection that is still open.
  assert.equal((await callRaw(own, ECHO, Buffer.from('just in time'))).error, undefined)
  assert.equal((await callRaw(own, ECHO, Buffer.from('late'))).error?.code, grpcCodes.UNAVAILABLE)
  await stopped
  assert.equal((await quick).answer?.toString(), '200')
  assert.ok([grpcCodes.CANCELLED, grpcCodes.UNAVAILABLE].includes(((await slow).error?.code ?? 0) as 1 | 14))
  own.close()
})

test('whoever watches the health is told, again when the server stops, and let go', async () => {
  const { server } = await startEcho()
  const own = connect(server)
  const asIs = (bytes: Buffer) => bytes
  const watch = own.makeServerStreamRequest('/grpc.health.v1.Health/Watch', asIs, asIs, Buffer.alloc(0))
  const told: number[] = []
  let stopped: Promise<void> | undefined
  const code = await new Promise((resolve) => {
    watch.on('error', (error: { code?: number }) => resolve(error.code))
    watch.on('data', (message: Buffer) => {
      told.push(message[1] ?? 0)
      stopped ??= server.stop(5000)
    })
  })
  assert.deepEqual([told, code], [[1, 2], grpcCodes.UNAVAILABLE])
  await stopped
  own.close()
})

test('a taken port is told by its code', async () => {
  const port = Number(echo.server.address.split(':')[1])
  await assert.rejects(
    startGrpcServer({
      host: '127.0.0.1',
      port,
      methods: [],
      isReady: async () => true,
      draining: new AbortController().signal,
      proxies: new BlockList(),
      limits: defaultGrpcLimits,
      memory: echo.memory,
      watch: () => () => undefined,
      logger: { debug: () => undefined, warn: () => undefined, error: () => undefined },
    }),
    { code: 'EADDRINUSE' },
  )
})

import assert from 'node:assert/strict'
import { registerHooks } from 'node:module'
import { type TestContext, test } from 'node:test'
import type { App } from '../src/app/app.ts'
import { captureLog } from './captured-log.ts'
import { newFolder } from './new-folder.ts'
import { OtlpCollector, type ReceivedSpan } from './otlp-collector.ts'

/** What has been loaded so far; the server is imported only after this. */
const loaded: string[] = []
registerHooks({
  resolve: (specifier, context, next) => {
    const found = next(specifier, context)
    loaded.push(found.url)
    return found
  },
})
const { startApp } = await import('../src/app/app.ts')
const { loadConfig } = await import('../src/app/settings.ts')
const { LightfieldClient } = await import('./lightfield-client.ts')
const { YandexClient } = await import('./yandex-client.ts')

const ROOT_KEY = 'root-key-of-the-traces-test'
const [SERVER, INTERNAL, CLIENT] = [2, 1, 3]
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'
const traceparent = `00-${TRACE}-${CALLER}-01`
const authorized = { authorization: `Bearer ${ROOT_KEY}`, 'lightfield-version': '2026-03-01' }

async function start(t: TestContext, settings: Record<string, string>) {
  const { logger, lines } = captureLog('debug')
  const config = loadConfig({
    ENTREPOT_DATA_DIR: newFolder('entrepot-traces-'),
    ENTREPOT_PORT: '0',
    ENTREPOT_GRPC_PORT: '0',
    ENTREPOT_METRICS_PORT: '0',
    ENTREPOT_ROOT_KEY: ROOT_KEY,
    ENTREPOT_INLINE_BYTES: '0',
    ...settings,
  })
  const app = await startApp(config, { logger })
  t.after(() => app.stop())
  return { app, lines }
}

async function startTraced(t: TestContext, settings: Record<string, string> = {}) {
  const collector = await OtlpCollector.start()
  const started = await start(t, { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`, ...settings })
  t.after(() => collector.stop())
  return { ...started, collector, client: new LightfieldClient({ url: started.app.url, key: ROOT_KEY }) }
}

const get = (app: App, path: string, headers: Record<string, string> = {}) =>
  fetch(app.url + path, { headers: { ...authorized, ...headers } })

const under = (spans: readonly ReceivedSpan[], parent: ReceivedSpan | undefined) =>
  spans.filter(({ parentId }) => parentId === parent?.spanId).map(({ name }) => name)

test('without its variables nothing of tracing is loaded', async (t) => {
  const ofTracing = () => loaded.filter((url) => /\/ops\/tracing\/|start-tracing/.test(url))
  const settings: Record<string, string>[] = [
    {},
    { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:1' },
    { OTEL_SDK_DISABLED: 'TRUE', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:1' },
  ]
  for (const off of settings) {
    const { app, lines } = await start(t, off)
    assert.equal((await get(app, '/v1/files', { traceparent })).status, 200)
    assert.ok(lines().some(({ msg, traceId }) => msg === 'answered' && traceId === undefined))
    assert.deepEqual(
      ofTracing().filter((url) => !url.endsWith('/app/start-tracing.ts')),
      [],
    )
  }
  await startTraced(t)
  assert.ok(ofTracing().some((url) => url.endsWith('/ops/tracing/tracing.ts')))
})

test('a request is a span, with its use case and its calls to the stores below it', async (t) => {
  const { app, collector, client, lines } = await startTraced(t, {
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=t%20est,service.name=ignored',
    OTEL_SERVICE_NAME: 'files',
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=s%2Ccret',
  })
  const { id } = await client.stored('12345')
  await (await fetch(await client.link(id))).text()
  assert.equal((await get(app, `/v1/files/${id}?key=secret`, { traceparent, tracestate: 'a=1' })).status, 200)
  await app.stop()
  const [request] = collector.requests
  assert.equal(request?.path, '/v1/traces')
  assert.equal(request?.headers['api-key'], 's,cret')
  assert.equal(request?.headers['content-type'], 'application/x-protobuf')
  const { 'service.version': version, ...resource } = collector.resources[0] ?? {}
  assert.match(String(version), /^\d+\.\d+\.\d+/)
  assert.deepEqual(resource, { 'service.name': 'files', 'deployment.environment.name': 't est' })

  const ours = collector.spans.filter(({ traceId }) => traceId === TRACE)
  const root = ours.find(({ parentId }) => parentId === CALLER)
  assert.equal(root?.name, 'GET /v1/files/:id')
  assert.deepEqual([root?.kind, root?.traceState, root?.isError], [SERVER, 'a=1', false])
  const requestId = lines().find(({ traceId, msg }) => traceId === TRACE && msg === 'answered')?.requestId
  const { 'entrepot.organization.id': organization, ...told } = root?.attributes ?? {}
  assert.match(String(organization), /^[0-9a-f-]{36}$/)
  assert.deepEqual(told, {
    'http.request.method': 'GET',
    'http.route': '/v1/files/:id',
    'http.response.status_code': 200,
    'url.scheme': 'http',
    'network.protocol.version': '1.1',
    'server.address': '127.0.0.1',
    'server.port': Number(new URL(app.url).port),
    'entrepot.request.id': requestId,
  })
  assert.deepEqual(under(ours, root).sort(), ['authenticate', 'readFile'])

  const put = collector.spans.find(({ name }) => name.startsWith('PUT /transfer/'))
  const trace = collector.spans.filter(({ traceId }) => traceId === put?.traceId)
  assert.ok(trace.some(({ name, kind }) => name === 'database commit' && kind === CLIENT))
  assert.ok(trace.some(({ name }) => name === 'disk put'))
  const storing = trace.find(({ kind }) => kind === INTERNAL)
  assert.ok(storing && put && storing.start >= put.start && storing.end <= put.end)
  assert.ok(Math.abs(Number(put.start / 1_000_000n) - Date.now()) < 60_000)
  assert.equal(put.attributes['http.route'], '/transfer/:token')
  // Neither links nor names nor keys.
  const text = JSON.stringify(collector.spans, (_, value) => (typeof value === 'bigint' ? '' : value))
  assert.doesNotMatch(text, /secret|\.txt|transfer\/[^:]|root-key/)
})

test('a gRPC call is a span of its caller’s trace', async (t) => {
  const { app, collector } = await startTraced(t)
  const { grpcAddress = '' } = app
  const client = new YandexClient(grpcAddress, `Api-Key ${ROOT_KEY}`)
  const metadata = { traceparent }
  const { FileService } = await import('../src/dialects/yandex/gen/files_pb.js')
  const request = { folderId: 'default', name: 'a', content: Buffer.alloc(10) }
  await client.call(FileService.method.create, request, { metadata })
  const missing = { fileId: 'nothing' }
  await assert.rejects(client.call(FileService.method.get, missing, { metadata }))
  client.close()
  await app.stop()
  const spans = collector.spans.filter(({ traceId }) => traceId === TRACE)
  const roots = spans.filter(({ parentId }) => parentId === CALLER)
  const told = roots.map(({ name, attributes, kind, isError }) => [
    name,
    attributes['rpc.response.status_code'],
    attributes['error.type'],
    kind,
    isError,
  ])
  const service = 'yandex.cloud.ai.files.v1.FileService'
  assert.deepEqual(told, [
    [`${service}/Create`, 'OK', undefined, SERVER, false],
    [`${service}/Get`, 'NOT_FOUND', 'NOT_FOUND', SERVER, false],
  ])
  const below = under(spans, roots[0])
  for (const name of ['authenticate', 'receiveBytes', 'createFile'])
    assert.ok(below.includes(name), `${name} in ${below}`)
  assert.ok(
    spans.some(
      ({ name, attributes }) => name === 'readFile' && attributes['error.type'] === 'file-not-found',
    ),
  )
})

test('requests that are not sampled have the id of a trace in the log, and no spans', async (t) => {
  const { app, collector, lines } = await startTraced(t, { OTEL_TRACES_SAMPLER: 'parentbased_always_off' })
  await get(app, '/v1/files')
  await get(app, '/v1/files', { traceparent: `00-${TRACE}-${CALLER}-00` })
  await get(app, '/v1/files', { traceparent: `00-${TRACE.replace('0', '1')}-${CALLER}-01` })
  // Not as the standard has it: a trace of our own, which nobody asked for.
  for (const broken of [`00-${'0'.repeat(32)}-${CALLER}-01`, `ff-${TRACE}-${CALLER}-01`, `${traceparent}-x`])
    await get(app, '/v1/files', { traceparent: broken })
  await app.stop()
  assert.deepEqual([...new Set(collector.spans.map(({ traceId }) => traceId))], [TRACE.replace('0', '1')])
  const ids = lines().flatMap(({ msg, traceId }) => (msg === 'answered' ? [String(traceId)] : []))
  assert.equal(new Set(ids).size, 6)
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/)
  assert.ok(ids.includes(TRACE))
})

test('a collector that is away or hangs costs no request, and a stop two seconds at most', async (t) => {
  const { app, collector, lines } = await startTraced(t)
  collector.mood = 'hangs'
  for (let request = 0; request < 20; request++) assert.equal((await get(app, '/v1/files')).status, 200)
  const begin = performance.now()
  await app.stop()
  assert.ok(performance.now() - begin < 3500, `${performance.now() - begin} ms`)
  assert.equal(collector.spans.length, 0)
  assert.ok(lines().some(({ msg }) => msg === 'traces are lost; nothing else is affected'))
})

test('the console is the log', async (t) => {
  const { app, lines } = await start(t, { OTEL_TRACES_EXPORTER: 'console' })
  await get(app, '/v1/files', { traceparent })
  await app.stop()
  const spans = lines().flatMap(({ msg, span }) =>
    msg === 'span' ? [span as { name: string; traceId: string }] : [],
  )
  assert.ok(spans.some(({ name, traceId }) => name === 'GET /v1/files' && traceId === TRACE))
})

test('settings that cannot be obeyed stop the start, each in a sentence, unless there are no traces', () => {
  const wrong = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_HEADERS: 'secret of mine',
    OTEL_TRACES_SAMPLER: 'sometimes',
    OTEL_TRACES_SAMPLER_ARG: '2',
    OTEL_RESOURCE_ATTRIBUTES: 'a=%zz',
  }
  const refused = (error: Error) => {
    const variables = error.message.split('\n').map((problem) => problem.split(' ')[0])
    assert.deepEqual(variables.sort(), Object.keys(wrong).sort())
    assert.doesNotMatch(error.message, /secret of mine/)
    return true
  }
  assert.throws(() => loadConfig(wrong), refused)
  assert.throws(
    () => loadConfig({ OTEL_TRACES_EXPORTER: 'zipkin' }),
    /^ConfigError: OTEL_TRACES_EXPORTER must be/,
  )
  assert.throws(
    () => loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://user:secret@collector.example' }),
    /^ConfigError: OTEL_EXPORTER_OTLP_ENDPOINT must have no user and no password; OTEL_EXPORTER_OTLP_HEADERS/,
  )
  assert.equal(loadConfig({ ...wrong, OTEL_SDK_DISABLED: 'true' }).tracing, undefined)
})

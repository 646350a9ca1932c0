/** Secrets in every place that a client can put them, and in every error that a library may throw; then the log is read. */
import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { captureLog } from '../../test/captured-log.ts'
import { LightfieldClient, ok, VERSION } from '../../test/lightfield-client.ts'
import { linkToken } from '../../test/link-token.ts'
import { newFolder } from '../../test/new-folder.ts'
import { isLong } from '../../test/rounds.ts'
import { S3TestServer } from '../../test/s3/server.ts'
import { s3Settings } from '../../test/s3/settings.ts'
import { YandexClient } from '../../test/yandex-client.ts'
import { type App, startApp } from '../app/app.ts'
import { loadConfig } from '../app/settings.ts'
import { StoreError } from '../core/errors.ts'
import { issueLink } from '../core/links/link.ts'
import { allDialects, parseFileId } from '../dialects/all.ts'
import { frameworkLogger } from './logging.ts'

const ROOT_KEY = 'Root.key-that-nobody-may-see'
const CONTENT = 'What-is-in-the-file'
const NAME = 'Name-of-the-file.txt'
const IDEMPOTENCY_KEY = 'Idempotency-key-of-a-client'
const IDS = ['requestId', 'fileId', 'organizationId']
const FIELDS = ['level', 'time', 'msg', 'method', 'route', 'status', 'code', 'ms', ...IDS]

/** A whole server that logs at this level, on a bucket that clients reach by themselves. */
async function startTalking(t: TestContext, level: string) {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const dataDir = newFolder('entrepot-log-')
  const { logger, text, lines } = captureLog(level)
  const settings = {
    ...s3Settings(s3),
    ENTREPOT_DATA_DIR: dataDir,
    ENTREPOT_PORT: '0',
    ENTREPOT_GRPC_PORT: '0',
    ENTREPOT_METRICS_PORT: '0',
    ENTREPOT_ROOT_KEY: ROOT_KEY,
    ENTREPOT_RATE_LIMITS: 'off',
    ENTREPOT_DIRECT_TRANSFER: 'on',
  }
  const app = await startApp(loadConfig(settings), { logger })
  t.after(() => app.stop())
  return { app, text, lines, logger, s3 }
}

/** Everything that must not be told, by name. */
async function collectSecrets(app: App, s3: S3TestServer): Promise<Readonly<Record<string, string>>> {
  const client = new LightfieldClient({ url: app.url, key: ROOT_KEY })
  const fields = { filename: NAME, mimeType: 'text/plain', sizeBytes: CONTENT.length }
  const upload = ok(await client.create(fields, { 'idempotency-key': IDEMPOTENCY_KEY }))
  const put = await fetch(upload.uploadUrl, { method: 'PUT', headers: upload.uploadHeaders, body: CONTENT })
  assert.equal(put.status, 200)
  const stored = ok(await client.complete(upload.id))
  const presigned = new URL(await client.link(stored.id))
  assert.equal(presigned.origin, new URL(s3.endpoint).origin)
  const session = await fetch(`${app.url}/session`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ROOT_KEY}` },
  })
  const { services } = app
  return {
    rootKey: ROOT_KEY,
    cookie: /session=([^;]+)/.exec(session.headers.get('set-cookie') ?? '')?.[1] ?? assert.fail('no cookie'),
    link: await tokenOf(app, upload.id),
    signature: presigned.searchParams.get('X-Amz-Signature') ?? assert.fail('no signature'),
    credential: s3.credentials.accessKeyId,
    awsSecret: s3.credentials.secretAccessKey,
    linkKey: services.linkKeys[0]?.secret ?? assert.fail('no link key'),
    idempotencyKey: IDEMPOTENCY_KEY,
    content: CONTENT,
    name: NAME,
  }
}

/** Of a link of our own, which direct transfer mostly spares. */
async function tokenOf({ services }: App, fileId: string): Promise<string> {
  const file = await services.metadata.findFile(parseFileId(fileId) ?? '')
  const { direct: _direct, ...blobs } = services.blobs
  const ours = { ...services, blobs } as typeof services
  const { url } = await issueLink(ours, 'GET', file ?? assert.fail('no file'), Date.now() + 60_000)
  return linkToken(url)
}

/** Every route with its parameters, as each dialect describes itself, and those that are nobody's. */
async function everyRoute({ url }: App): Promise<readonly (readonly [method: string, path: string])[]> {
  const routes: [string, string][] = [
    ['GET', '/transfer/{token}'],
    ['PUT', '/transfer/{token}'],
    ['GET', '/transfer/{token}/{name}'],
    ['PUT', '/transfer/{token}/{name}'],
    ['POST', '/transfer/{token}'],
    ['GET', '/docs/{file}'],
    ['GET', '/readyz'],
    ['GET', '/{nothing}'],
  ]
  for (const { name } of allDialects) {
    const document = await (await fetch(`${url}/${name}/openapi.json`)).json()
    const { paths } = document as { paths: Record<string, object> }
    for (const [path, operations] of Object.entries(paths))
      for (const method of Object.keys(operations)) routes.push([method.toUpperCase(), path])
  }
  return routes
}

/** Spellings of an address; a secret may stand anywhere in it. */
function spellingsOf(path: string, secret: string, { url }: App): readonly string[] {
  const filled = path.replaceAll(/\{\w+\}/g, secret)
  return [
    filled,
    `/${filled}`,
    `/%${filled.charCodeAt(1).toString(16)}${filled.slice(2)}`,
    filled.toUpperCase(),
    `/.${filled}`,
    `/nowhere/..${filled}`,
    `${url}${filled}`,
    `${filled}/${secret}`,
    `${filled}?key=${secret}`,
    `${filled};${secret}`,
    `${filled}%2f${secret}%`,
  ]
}

/** One request, whatever its address looks like; what it is answered does not matter. */
async function send(app: App, agent: Agent, method: string, path: string, secret: string): Promise<void> {
  const { hostname, port } = new URL(app.url)
  const body = ['GET', 'HEAD', 'DELETE'].includes(method) ? undefined : `{"api_key":"${secret}","${secret}":`
  const headers = {
    authorization: `Bearer ${ROOT_KEY}`,
    'lightfield-version': VERSION,
    cookie: `session=${secret}`,
    'x-api-key': secret,
    'x-goog-api-key': secret,
    'api-key': secret,
    referer: `http://${secret}/`,
    'user-agent': secret,
    'idempotency-key': secret,
    'x-request-id': secret,
    'x-client-request-id': secret,
    [`x-${secret}`]: '1',
    ...(body === undefined ? {} : { 'content-type': `application/${secret}`, 'content-length': body.length }),
  }
  await new Promise<void>((resolve) => {
    const sent = request({ hostname, port, method, path, headers, agent }, (answer) => {
      answer.resume().on('close', resolve)
    })
    sent.on('error', () => resolve()).end(body)
  })
}

async function sendEverything(app: App, secrets: Readonly<Record<string, string>>): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  // What holds a space fits into no address.
  const values = Object.values(secrets).filter((secret) => !secret.includes(' '))
  const requests: Promise<void>[] = []
  for (const [method, path] of await everyRoute(app)) {
    for (const i of spellingsOf(path, '', app).keys()) {
      const secret = values[requests.length % values.length] ?? ''
      const spelling = spellingsOf(path, secret, app)[i] ?? ''
      requests.push(send(app, agent, method, spelling, secret))
    }
  }
  await Promise.all(requests)
  agent.destroy()
  for (const secret of values) await callEverything(app, secret)
}

async function callEverything({ grpcAddress }: App, secret: string): Promise<void> {
  const client = new YandexClient(grpcAddress ?? '', `Api-Key ${secret}`)
  const metadata = { 'x-client-request-id': secret, 'x-any': secret }
  await client.callBytes(`/${secret}/${secret}`, Buffer.from(secret), { metadata }).catch(() => undefined)
  await client.get(secret).catch(() => undefined)
  client.close()
}

/** What libraries hang onto their errors: pg, AWS SDK, `new URL`, Node's parser, Fastify. */
function hostileError(secrets: Readonly<Record<string, string>>): Error {
  const secret = Object.values(secrets).join(' ')
  const syntax = new SyntaxError(`Unexpected token, "${secret}" is not valid JSON`)
  const framework = Object.assign(new Error(`Reply was already sent in the "/transfer/${secret}" route`), {
    code: 'FST_ERR_REP_ALREADY_SENT',
  })
  const fields = { detail: secret, parameters: [secret], input: secret, rawPacket: Buffer.from(secret) }
  const signed = { StringToSign: secret, $response: { headers: { authorization: secret } }, cause: syntax }
  const error = Object.assign(new Error('the fault itself'), fields, signed, { req: { url: secret } })
  return new StoreError('unavailable', 'The database failed', new AggregateError([error, framework, secret]))
}

function breakDatabase(t: TestContext, { services }: App, error: Error): void {
  for (const method of ['findFile', 'findKey', 'findSession', 'check'] as const)
    t.mock.method(services.metadata, method, async () => {
      throw error
    })
}

/** The one that tells most, and one that tells faults alone, stand for all. */
const LEVELS = isLong ? ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] : ['trace', 'error']

for (const level of LEVELS) {
  test(`a log at level ${level} tells routes and ids, and no secret, whatever comes in and whatever breaks`, async (t) => {
    const { app, text, lines, logger, s3 } = await startTalking(t, level)
    const secrets = await collectSecrets(app, s3)
    await sendEverything(app, secrets)
    const sound = lines()
    const error = hostileError(secrets)
    breakDatabase(t, app, error)
    await sendEverything(app, secrets)
    logger.fatal({ err: error, req: { url: secrets.link, headers: secrets } }, 'fatal')
    logger.fatal(error)
    const framework = frameworkLogger(logger)
    framework.warn(`Reply was already sent in the "/transfer/${secrets.link}" route`)
    framework.error({ err: error, req: { url: secrets.link }, res: { headers: secrets } }, error.message)

    const metrics = await (await fetch(app.metricsUrl ?? '')).text()
    for (const [what, told] of Object.entries({ log: text(), metrics }))
      for (const [name, secret] of Object.entries(secrets))
        assert.ok(!told.toLowerCase().includes(secret.toLowerCase()), `the ${what} tells the ${name}`)
    const answered = sound.filter(({ msg }) => msg === 'answered')
    assert.equal(answered.length > 0, ['trace', 'debug'].includes(level))
    for (const line of answered) {
      assert.deepEqual(
        Object.keys(line).filter((field) => !FIELDS.includes(field)),
        [],
      )
      assert.match(String(line.route), /^(none|\/[\w./:*-]+)$/)
    }
    if (level === 'fatal') return
    const fault = lines().find(({ msg }) => msg === 'request failed')
    assert.match(JSON.stringify(fault?.err), /The database failed/)
    assert.match(JSON.stringify(fault?.err), /the fault itself/)
  })
}

test('a start that fails for the sake of the database tells where it is, and not its password', async () => {
  const dataDir = newFolder('entrepot-log-')
  const { logger, text } = captureLog('trace')
  const databaseUrl = 'postgres://user:Password-of-the-database@127.0.0.1:1/name'
  const config = loadConfig({ ENTREPOT_DATA_DIR: dataDir, ENTREPOT_DATABASE_URL: databaseUrl })
  const failure = await startApp(config, { logger }).catch((error: unknown) => error)
  logger.fatal({ err: failure, config }, 'fatal')
  const log = text()
  assert.match(log, /127\.0\.0\.1:1 cannot be reached/)
  assert.doesNotMatch(log, /Password-of/i)
})

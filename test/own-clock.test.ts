/** A server alone on SQLite, for whose clock nobody else vouches: when it is doubted, what waits then, and for how long. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type App, startApp } from '../src/app/app.ts'
import { onceTrusted } from '../src/app/background.ts'
import { loadConfig } from '../src/app/settings.ts'
import { HOUR_MS } from '../src/core/ports/clock.ts'
import { ClockWatch } from '../src/core/time/clock-watch.ts'
import { reconcile } from '../src/core/upkeep/reconcile.ts'
import { fileIds } from '../src/dialects/lightfield/ids.ts'
import { jobsOf } from '../src/jobs/jobs.ts'
import { captureLog, type LogLine } from './captured-log.ts'
import { Running, startEntrepot } from './cli.harness.ts'
import { TestClock } from './harness.ts'
import { type CreatedFile, LightfieldClient, ok, putBytes } from './lightfield-client.ts'
import { newFolder } from './new-folder.ts'
import { until } from './until.ts'

const KEY = 'the-root-key-of-this-test'

interface Started {
  readonly app: App
  readonly client: LightfieldClient
  /** What it said about its clock. */
  said(): readonly LogLine[]
}

/** One data folder, whose server can be stopped and started again. Its clock is moved by the test. */
async function newInstallation(t: TestContext) {
  const dataDir = newFolder('entrepot-own-clock-')
  const clock = new TestClock()
  let running: App | undefined
  t.after(() => running?.stop())
  return {
    clock,
    dataDir,
    async start(acceptClock = false): Promise<Started> {
      await running?.stop()
      const { logger, lines } = captureLog('info')
      const config = loadConfig({
        ENTREPOT_DATA_DIR: dataDir,
        ENTREPOT_PORT: '0',
        ENTREPOT_GRPC_PORT: 'off',
        ENTREPOT_METRICS_PORT: 'off',
        ENTREPOT_RATE_LIMITS: 'off',
        ENTREPOT_ROOT_KEY: KEY,
      })
      const app = await startApp(config, { logger, clock, acceptClock })
      running = app
      const said = () => lines().filter(({ msg }) => /clock/.test(msg))
      return { app, client: new LightfieldClient({ url: app.url, key: KEY }), said }
    },
  }
}

/** Another watch on the same database and clock, as the jobs of a server have it. */
function watchOf({ services: { metadata, clock } }: App, sleptMs = () => 0): Promise<ClockWatch> {
  const nobody = () => undefined
  return ClockWatch.start({ metadata, clock, sleptMs, onDoubt: nobody, onTrust: nobody }, false)
}

async function runJobs({ services }: App, watch: ClockWatch): Promise<void> {
  for (const job of onceTrusted(watch, jobsOf(services))) while ((await job.run()) > 0);
}

/** Whether it still waits in the database, whatever answers say. */
async function isPending({ services }: App, { id }: CreatedFile): Promise<boolean> {
  const at = Number.MAX_SAFE_INTEGER
  const waiting = await services.metadata.listLapsedUploads(at, 100)
  return waiting.some((file) => fileIds.print(file.id) === id)
}

/** A server whose youngest row is nine days in the future, and an upload whose time is over. */
async function startBehind(t: TestContext) {
  const installation = await newInstallation(t)
  const { clock, start } = installation
  const { client } = await start()
  const upload = await client.pending()
  clock.set({ days: 9 })
  await client.stored()
  clock.set({ days: -9 })
  clock.advance({ hours: 2 })
  return { ...installation, upload }
}

test('a clock that is behind the youngest row at the start is followed in answers, and removes nothing', async (t) => {
  const { start, upload } = await startBehind(t)
  const { app, client, said } = await start()
  const [line] = said()
  assert.equal(line?.level, 40)
  assert.equal(line?.reason, 'behind')
  assert.match(line?.msg ?? '', /^the clock of this machine is doubted: .*--accept-clock$/)
  assert.equal(ok(await client.retrieve(upload.id)).status, 'EXPIRED')
  await runJobs(app, await watchOf(app))
  await reconcile(app.services, true)
  assert.ok(await isPending(app, upload))
})

test('a doubt ends after 24 hours of running time, counted over restarts, and not again for the same rows', async (t) => {
  const { clock, start, upload } = await startBehind(t)
  const { app } = await start()
  const first = await watchOf(app)
  clock.advance({ hours: 13 })
  assert.equal(await first.mayRemove(), false)
  // Time while nothing runs does not count.
  clock.advance({ hours: 40 })
  const second = await watchOf(app)
  clock.advance({ hours: 10 })
  await runJobs(app, second)
  assert.ok(await isPending(app, upload))
  clock.advance({ hours: 1, seconds: 1 })
  await runJobs(app, second)
  assert.equal(await isPending(app, upload), false)
  assert.deepEqual((await start()).said(), [])
})

test('a start that accepts the clock ends a doubt at once', async (t) => {
  const { start, upload } = await startBehind(t)
  assert.equal((await start()).said().length, 1)
  const { app, said } = await start(true)
  assert.ok(await until(10_000, async () => !(await isPending(app, upload)), 20))
  assert.deepEqual(
    said().map(({ level, msg }) => [level, msg]),
    [[40, 'the clock of this machine is trusted again: what has ended is removed']],
  )
  assert.deepEqual((await start()).said(), [])
})

test('a clock that is set while the server runs is followed in answers, and removes nothing until it is trusted', async (t) => {
  const { clock, start } = await newInstallation(t)
  const { app, client } = await start()
  const watch = await watchOf(app)
  const key = { 'idempotency-key': 'once' }
  const upload = ok(await client.create({}, key))
  clock.set({ days: 9 })
  assert.equal(ok(await client.retrieve(upload.id)).status, 'EXPIRED')
  assert.equal(ok(await client.create({}, key)).id, upload.id)
  await runJobs(app, watch)
  clock.set({ days: -9 })
  await runJobs(app, watch)
  assert.equal((await putBytes(upload)).status, 200)
  ok(await client.complete(upload.id))
  assert.equal(ok(await client.create({}, key)).id, upload.id)
  clock.advance({ hours: 24 })
  assert.equal(await watch.mayRemove(), true)
})

test('a clock that was set just before a stop is doubted at the next start, and removes nothing', async (t) => {
  const { clock, start } = await newInstallation(t)
  const { client } = await start()
  const upload = await client.pending()
  clock.set({ days: 9 })
  const { app, said } = await start()
  assert.deepEqual(
    said().map(({ reason }) => reason),
    ['doubted before this start'],
  )
  await runJobs(app, await watchOf(app))
  assert.ok(await isPending(app, upload))
})

test('a clock is not doubted for minutes, nor for the time that the machine has slept', async (t) => {
  const { clock, start } = await newInstallation(t)
  const { app } = await start()
  let sleptMs = 0
  const watch = await watchOf(app, () => sleptMs)
  clock.set({ minutes: 55 })
  assert.equal(await watch.mayRemove(), true)
  clock.set({ hours: 8 })
  sleptMs = 8 * HOUR_MS
  assert.equal(await watch.mayRemove(), true)
  // All steps together make more than an hour.
  clock.set({ minutes: 10 })
  assert.equal(await watch.mayRemove(), false)
})

test('serve --accept-clock is a flag of the command', async (t) => {
  const { clock, dataDir, start } = await newInstallation(t)
  clock.advance({ days: 3650 })
  await (await start()).app.stop()
  const settings = {
    ENTREPOT_DATA_DIR: dataDir,
    ENTREPOT_PORT: '0',
    ENTREPOT_GRPC_PORT: 'off',
    ENTREPOT_METRICS_PORT: 'off',
  }
  const server = new Running(startEntrepot(['serve', '--accept-clock'], settings))
  await server.printed((output) => output.includes('"msg":"listening"') || undefined)
  server.child.kill('SIGTERM')
  assert.equal(await server.ended, 0)
  assert.match(server.stdout, /the clock of this machine is trusted again/)
})

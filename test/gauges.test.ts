import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { authenticate } from '../src/core/access/admit.ts'
import { deleteFile } from '../src/core/files/delete-file.ts'
import { TestServer } from './harness.ts'
import { LightfieldClient } from './lightfield-client.ts'
import { runJobs } from './run-jobs.ts'
import { until } from './until.ts'
import { setQuota, usageNow } from './usage.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start({ ENTREPOT_METRICS_PORT: '0', ENTREPOT_INLINE_BYTES: '0' })
})
after(() => server.stop())

/** The samples of a scrape, by name and labels. What was kept for the scrape before is too old for this one. */
async function scrape(of = server): Promise<Map<string, number>> {
  of.clock.advance({ seconds: 6 })
  const lines = (await (await fetch(of.app.metricsUrl ?? '')).text()).split('\n')
  const samples = lines.filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  )
}

test('files, bytes and blobs are told as they come and go', async () => {
  const client = new LightfieldClient(server)
  await client.pending()
  const { id } = await client.stored('12345')
  const samples = await scrape()
  assert.equal(samples.get('entrepot_files{state="pending"}'), 1)
  assert.equal(samples.get('entrepot_files{state="stored"}'), 1)
  const { files, bytes } = await usageNow(server)
  assert.deepEqual([samples.get('entrepot_usage_files'), samples.get('entrepot_usage_bytes')], [files, bytes])
  assert.equal(samples.get('entrepot_organizations'), 1)
  const { services } = server.app
  await deleteFile(services, await authenticate(services, server.key), id)
  const deleted = await scrape()
  assert.equal(deleted.get('entrepot_files{state="stored"}'), 0)
  assert.equal(deleted.get('entrepot_unreferenced_blobs{state="waiting"}'), 1)
  server.clock.advance({ hours: 25 })
  assert.ok(Number((await scrape()).get('entrepot_unreferenced_blobs{state="due"}')) >= 1)
  await runJobs(server)
  assert.equal((await scrape()).get('entrepot_unreferenced_blobs{state="due"}'), 0)
})

test('organizations beyond the largest are told of together, and so is one that is called like those', async () => {
  const organizations = []
  for (let number = 0; number < 22; number++) organizations.push(await server.newTenant(`org ${number}`))
  organizations.push(await server.newTenant('other'), await server.newTenant('quo"te\\'))
  const { metadata } = server.app.services
  for (const [index, { organization, project }] of organizations.entries()) {
    const usage = { organizationId: organization.id, projectId: project.id, files: 1, bytes: 1000 + index }
    await metadata.commit([{ kind: 'usage.add', usage }])
  }
  const samples = await scrape()
  const told = [...samples].filter(([name]) => name.startsWith('entrepot_organization_usage_bytes{'))
  assert.equal(told.length, 20)
  assert.equal(samples.get('entrepot_organization_usage_bytes{organization="quo\\"te\\\\"}'), 1023)
  assert.equal(samples.get('entrepot_organization_usage_bytes{organization="org 21"}'), 1021)
  const sum = told.reduce((total, [, bytes]) => total + bytes, 0)
  assert.equal(sum, samples.get('entrepot_usage_bytes'))
})

test('the used part of a quota is told', async () => {
  await new LightfieldClient(server).pending()
  const { files } = await usageNow(server)
  await setQuota(server, 'organization', { files: files * 2 })
  const ratio = (resource: string) =>
    `entrepot_organization_quota_used_ratio{organization="default",resource="${resource}"}`
  const samples = await scrape()
  assert.deepEqual([samples.get(ratio('files')), samples.get(ratio('bytes'))], [0.5, undefined])
})

test('the disk, the build and the jobs are told', async () => {
  assert.ok(
    await until(5000, async () => {
      const samples = await scrape()
      return samples.has('entrepot_job_last_success_timestamp_seconds{name="expire files"}')
    }),
  )
  const samples = await scrape()
  const job = (what: string) => samples.get(`entrepot_job_${what}{name="expire files"}`)
  assert.ok(Math.abs(Number(job('last_success_timestamp_seconds')) - Date.now() / 1000) < 60)
  assert.ok(Number(job('last_duration_seconds')) < 60)
  assert.equal(job('failures_total'), 0)
  const [free, size] = ['free', 'size'].map((what) => Number(samples.get(`entrepot_disk_${what}_bytes`)))
  assert.ok(Number(free) > 0 && Number(free) < Number(size))
  assert.equal(samples.get('entrepot_disk_reserve_bytes'), 0)
  const build = [...samples.keys()].find((name) => name.startsWith('entrepot_build_info{')) ?? ''
  assert.match(build, /\{version="\d+\.\d+\.\d+[^"]*",commit="[0-9a-f]{12}|unknown",node="\d+\.\d+\.\d+"\}/)
})

test('commits are counted', async () => {
  const commits = 'entrepot_database_call_duration_seconds_count{operation="commit",outcome="ok"}'
  const before = (await scrape()).get(commits)
  await server.newTenant('one more')
  assert.ok(Number((await scrape()).get(commits)) > Number(before))
})

test('a scrape goes on without what the database or the disk does not tell', async (t) => {
  const own = await TestServer.start({ ENTREPOT_METRICS_PORT: '0' })
  t.after(() => own.stop())
  const errors = (samples: Map<string, number>) =>
    ['database', 'disk'].map((source) => samples.get(`entrepot_scrape_errors_total{source="${source}"}`))
  const told = await scrape(own)
  assert.ok(told.has('entrepot_usage_bytes') && told.has('entrepot_disk_free_bytes'))
  assert.deepEqual(errors(told), [0, 0])
  await own.app.services.metadata.close()
  await rm(own.dataDir, { recursive: true })
  const samples = await scrape(own)
  assert.ok(!samples.has('entrepot_usage_bytes') && !samples.has('entrepot_disk_free_bytes'))
  // They may be counted after the counter was read.
  const counted = async () => errors(await scrape(own)).map(Number)
  const before = await counted()
  assert.ok(before.every((count) => count === 1 || count === 2))
  // However many gauges are missing, it is one scrape.
  assert.deepEqual(
    await counted(),
    before.map((count) => count + 1),
  )
  assert.ok(samples.has('entrepot_process_cpu_seconds_total'))
})

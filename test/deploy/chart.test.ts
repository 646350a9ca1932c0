/** The chart, rendered by Helm for every combination of values and decoded by Kubernetes' own types: see the Go files here. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../src/app/settings.ts'
import { onlyLong } from '../rounds.ts'
import { readContainers, runGoTests, variablesOf, whyNoGo } from './go.ts'

const ROOT = join(import.meta.dirname, '../..')
/** What a Secret would add. */
const SECRETS = {
  ENTREPOT_DATABASE_URL: 'postgres://entrepot:secret@database/entrepot',
  AWS_ACCESS_KEY_ID: 'id',
  AWS_SECRET_ACCESS_KEY: 'secret',
}

test('the chart is right for every combination of values, or refuses it', {
  skip: onlyLong || whyNoGo(),
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-chart-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'containers.json')
  for (const line of (await runGoTests('.', file)).matchAll(/\d+ combinations .*/g)) t.diagnostic(line[0])

  const { single, cluster } = await readContainers(file)
  assert.ok(single && cluster)
  const one = loadConfig(variablesOf(single))
  assert.deepEqual([one.databaseUrl, one.s3, one.tls?.kind], [undefined, undefined, 'files'])
  const several = loadConfig({ ...variablesOf(cluster), ...SECRETS })
  assert.equal(several.s3?.bucket, 'files')
  assert.equal(several.publicUrl, 'https://files.example.com')
  assert.ok(several.drainSeconds > 0)
})

test('the chart installs the version of this package', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const chart = readFileSync(join(ROOT, 'deploy/chart/Chart.yaml'), 'utf8')
  assert.match(chart, new RegExp(`^appVersion: ${RegExp.escape(version)}$`, 'm'))
})

/** The chart, rendered by Helm for every combination of values and decoded by Kubernetes' own types: see the Go files here. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { onlyLong } from '../rounds.ts'
import { runGoTests, whyNoGo } from './go.ts'

const ROOT = join(import.meta.dirname, '../..')

test('the chart is right for every combination of values, or refuses it', {
  skip: onlyLong || whyNoGo(),
}, async (t) => {
  for (const line of (await runGoTests('.')).matchAll(/\d+ combinations .*/g)) t.diagnostic(line[0])
})

test('the chart installs the version of this package', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const chart = readFileSync(join(ROOT, 'deploy/chart/Chart.yaml'), 'utf8')
  assert.match(chart, new RegExp(`^appVersion: "${RegExp.escape(version)}"$`, 'm'))
})

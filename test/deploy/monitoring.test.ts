/** The alerts and the dashboard ask for what a server tells, in PromQL that Prometheus accepts. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { TestServer } from '../harness.ts'
import { migratedDatabase } from '../postgres.ts'
import { isLong } from '../rounds.ts'

const ROOT = join(import.meta.dirname, '../..')
const FILES = join(ROOT, 'deploy/chart/files')
const ALERTS = join(FILES, 'alerts.yaml')
const ALERT_TESTS = join(import.meta.dirname, 'alerts.yaml')
/** Labels that Prometheus adds. */
const OF_PROMETHEUS = ['job', 'instance', 'le']

/** Told only with PostgreSQL, on which the long rounds look. */
const ONLY_POSTGRES = 'entrepot_database_waiting_calls'

const noPromtool =
  spawnSync('promtool', ['--version']).error === undefined ? false : 'only where promtool is installed'

interface Panel {
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string }[]
}

const dashboard = JSON.parse(readFileSync(join(FILES, 'dashboard.json'), 'utf8')) as {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}

/** The expressions of the dashboard, with values in place of the variables of Grafana. */
const asked = dashboard.panels
  .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  .map((expr) => expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(job|instance)/g, '.*'))
const alerts = readFileSync(ALERTS, 'utf8')

test('every metric of the alerts and the dashboard is one that a server tells', async (t) => {
  const server = await TestServer.start({
    ENTREPOT_METRICS_PORT: '0',
    ...(isLong ? { ENTREPOT_DATABASE_URL: await migratedDatabase() } : {}),
  })
  t.after(() => server.stop())
  const text = await (await fetch(server.app.metricsUrl ?? '')).text()
  const told = new Set(isLong ? [] : [ONLY_POSTGRES])
  for (const [, name, type] of text.matchAll(/^# TYPE (\w+) (\w+)$/gm))
    for (const suffix of type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) told.add(name + suffix)
  const names = new Set([alerts, ...asked].join('\n').match(/\bentrepot_\w+/g))
  assert.ok(names.size > 20)
  assert.deepEqual(
    [...names].filter((name) => !told.has(name)),
    [],
  )
})

test('every label of the alerts and the dashboard is one that the documentation names', () => {
  const documented = documentedLabels()
  const wrong = [...expressionsOf(alerts), ...asked].flatMap((expr) => {
    const metrics = expr.match(/\bentrepot_\w+/g) ?? []
    const known = [
      ...OF_PROMETHEUS,
      ...metrics.flatMap((name) => documented.get(name.replace(/_(bucket|sum|count)$/, '')) ?? []),
    ]
    return labelsIn(expr)
      .filter((label) => metrics.length > 0 && !known.includes(label))
      .map((label) => `${label}: ${expr}`)
  })
  assert.deepEqual(wrong, [])
})

test('promtool accepts every expression', { skip: noPromtool }, (t) => {
  const rules = asked.map((expr, index) => ({ record: `panel:${index}`, expr }))
  const file = scratchFile(t, 'rules.yaml', JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
  for (const path of [ALERTS, file]) {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', path], { encoding: 'utf8' })
    assert.equal(status, 0, stdout + stderr)
  }
})

test('each alert fires when it should, and not before', { skip: noPromtool }, (t) => {
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', ALERT_TESTS], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout + stderr)
  const cases = readFileSync(ALERT_TESTS, 'utf8')
  const names = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
  assert.deepEqual(
    names.filter(
      (name) => !cases.includes(`- alertname: ${name}\n`) || !cases.includes(`{ alertname: ${name},`),
    ),
    [],
  )
  // The tests above are worth what they catch.
  const late = scratchFile(t, 'alerts.yaml', alerts.replaceAll('for: 2m', 'for: 200m'))
  const other = scratchFile(t, 'tests.yaml', cases.replace(/rule_files: .*/, `rule_files: [${late}]`))
  assert.notEqual(spawnSync('promtool', ['test', 'rules', other]).status, 0)
})

test('an alert names a section of the documentation that is there', () => {
  const sections = readFileSync(join(ROOT, 'docs/operating.md'), 'utf8').match(/^#+ .*$/gm) ?? []
  const titles = sections.map((line) => line.replace(/^#+ /, ''))
  const named = [...alerts.matchAll(/Section: ([^."]+)\./g)].map(([, title = '']) => title)
  assert.ok(named.length > 10)
  assert.deepEqual(
    named.filter((title) => !titles.includes(title)),
    [],
  )
})

test('no two panels of the dashboard cover each other', () => {
  const covers = ({ gridPos: a }: Panel, { gridPos: b }: Panel) =>
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
  const pairs = dashboard.panels.flatMap((one, index) =>
    dashboard.panels
      .slice(index + 1)
      .filter((other) => covers(one, other))
      .map((other) => [one.title, other.title]),
  )
  assert.deepEqual(pairs, [])
})

function expressionsOf(rules: string): readonly string[] {
  return [...rules.matchAll(/^ {8}expr: (?:\|\n((?: {10,}.*\n)+)|(.*)\n)/gm)].map(
    ([, block, line]) => block ?? line ?? '',
  )
}

/** Labels in selectors, and in `by (…)`. */
function labelsIn(expr: string): readonly string[] {
  const selectors = [...expr.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label)
  const groups = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/))
  return [...selectors, ...groups]
}

/** From the table of metrics in docs/operating.md. */
function documentedLabels(): ReadonlyMap<string, readonly string[]> {
  const rows = readFileSync(join(ROOT, 'docs/operating.md'), 'utf8').matchAll(
    /^\| (`entrepot_\w+`.*?) \| (.*?) \|/gm,
  )
  return new Map(
    [...rows].flatMap(([, names = '', kind = '']) => {
      const labels = [...kind.matchAll(/`(\w+)`/g)].map(([, label = '']) => label)
      return [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => [name, labels] as const)
    }),
  )
}

function scratchFile(t: TestContext, name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-rules-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { settings } from '../src/app/settings.ts'
import { environmentName, listSettings } from '../src/config/setting.ts'
import { allDialects } from '../src/dialects/all.ts'
import { allConformances } from './conformance/all.ts'
import { conformancePage, versionOf } from './conformance/page.ts'
import type { Client, Rule } from './conformance/rule.ts'
import { hasTest, testNames } from './conformance/test-names.ts'
import { missingTests } from './conformance-reporter.ts'

const root = join(import.meta.dirname, '..')
const rules = allConformances.flatMap(({ sections }) => sections.flatMap((section) => section.rules))

/** What a check finds wrong with rules, as lines to read. */
function problems(found: (rule: Rule) => string | false | undefined): readonly string[] {
  return rules.flatMap((rule) => {
    const problem = found(rule)
    return problem ? `${rule.rule}: ${problem}` : []
  })
}

test('every dialect has its rules, once', () => {
  const names = allConformances.map(({ dialect }) => dialect)
  assert.deepEqual(names.sort(), allDialects.map(({ name }) => name).sort())
})

test('every test that a rule names exists', () => {
  assert.deepEqual(
    problems((rule) => 'test' in rule && !isThere(rule) && `no "${rule.test.name}" in ${rule.test.file}`),
    [],
  )
})

function isThere(rule: Extract<Rule, { test: unknown }>): boolean {
  return existsSync(join(root, rule.test.file)) && hasTest(rule.test)
}

test('every setting that a rule names is one of the server, or of its own dialect', () => {
  const dialects = allDialects.map(({ name, settings: rows }) => [name, listSettings(rows)] as const)
  for (const { dialect, sections } of allConformances) {
    const foreign = dialects.flatMap(([name, rows]) => (name === dialect ? [] : rows))
    const own = listSettings(settings).filter((row) => !foreign.includes(row))
    const known = own.map(environmentName)
    for (const rule of sections.flatMap((section) => section.rules))
      if ('setting' in rule && rule.setting !== undefined)
        assert.ok(known.includes(rule.setting), `${dialect}, ${rule.rule}: ${rule.setting}`)
  }
})

test('every source that a rule names is told, and every one that is told is named', () => {
  for (const { dialect, sources, sections } of allConformances) {
    const named = sections.flatMap((section) =>
      section.rules.flatMap((rule) => ('source' in rule ? rule.source : [])),
    )
    assert.deepEqual([...new Set(named)].sort(), Object.keys(sources).sort(), dialect)
  }
})

test('no dialect states a rule twice', () => {
  for (const { dialect, sections } of allConformances) {
    const stated = sections.flatMap((section) => section.rules.map(({ rule }) => rule))
    const twice = stated.filter((rule, index) => stated.indexOf(rule) !== index)
    assert.deepEqual(twice, [], dialect)
  }
})

test('every client is a package that the tests use, or a recording that names its version', () => {
  for (const client of allConformances.flatMap(({ clients }) => clients))
    assert.equal(problemOf(client), undefined)
})

function problemOf(client: Client): string | undefined {
  if (!('file' in client)) return undefined
  const path = join(root, client.file)
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  if ('npm' in client) versionOf(client.npm)
  const wanted = 'npm' in client ? client.npm : client.version
  return text.includes(wanted) ? undefined : `${client.file} does not name ${wanted}`
}

test('the page is what npm run conformance writes', () => {
  const written = readFileSync(join(root, 'docs/conformance.md'), 'utf8')
  assert.ok(written === conformancePage(allConformances), 'docs/conformance.md is stale: npm run conformance')
})

test('names are read from literals and templates, whatever a template fills in', () => {
  const names = testNames(
    `test('it’s \\'here\\'', f)
     test(
       \`a \${b ? \`c \${d}\` : { e }} f\`,
       g)
     attest('no')
     t.test("x")
     test(about('why'), h)`,
  )
  const found = (name: string) => names.filter((pattern) => pattern.test(name)).length
  for (const name of ["it’s 'here'", 'a anything f', 'x', 'z: why']) assert.equal(found(name), 1, name)
  for (const name of ['it’s', 'a anything', 'no']) assert.equal(found(name), 0, name)
})

test('a run tells the rules whose file ran without their test, and none of files that did not run', () => {
  const file = 'src/dialects/lightfield/wire.test.ts'
  assert.deepEqual(missingTests(new Map([[file, ['prints every time as Date does']]])), [])
  const [problem = '', ...others] = missingTests(new Map([[file, ['prints every time as it likes']]]))
  assert.match(problem, /^lightfield, “.+”: .+wire\.test\.ts ran no test "prints every time as Date does"$/)
  assert.deepEqual(others, [])
  assert.deepEqual(missingTests(new Map([['src/core/clock.test.ts', ['any']]])), [])
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { Command } from 'commander'
import { loadConfig } from '../app/settings.ts'
import { defaultOf, type Environment, environmentName, type Setting } from '../config/setting.ts'
import { addSettings, allSettings } from './settings.ts'

const HELP = / \(((?:ENTREPOT|OTEL)_\w+), default (.*)\)$/
const MIB = 1024 * 1024

/** What the help tells, by variable. */
function toldDefaults(): ReadonlyMap<string, string> {
  const { options } = addSettings(new Command(), allSettings)
  return new Map(
    options.map(({ description }) => {
      const [, variable = '', fallback = ''] = HELP.exec(description) ?? []
      return [variable, fallback]
    }),
  )
}

/** With a bucket, without which some settings make no sense. A port that was asked for must be free, whichever it is. */
function load(env: Environment) {
  const { grpc, metrics, ...rest } = loadConfig({ ENTREPOT_S3_BUCKET: 'bucket', ...env })
  return { ...rest, grpc: grpc.port, metrics: metrics.port }
}

test('whoever sets what the help tells as a default gets what is so without it', () => {
  const unset = load({})
  const values = [...toldDefaults()].filter(([, told]) => /^[\w.{}/-]+$/.test(told) && told !== 'none')
  assert.ok(values.length > 30)
  for (const [variable, told] of values) assert.deepEqual(load({ [variable]: told }), unset, variable)
})

function readmeRow(setting: Setting): string {
  const { fallback, help, more, value } = setting
  const size = value === 'bytes' && fallback ? ` (${sizeOf(Number(fallback))})` : ''
  const sentence = `${help.slice(0, 1).toUpperCase()}${help.slice(1)}.`.replaceAll('<', '\\<')
  return `| \`${environmentName(setting)}\` | ${defaultOf(setting)}${size} | ${[sentence, more].join(' ').trimEnd()} |`
}

function sizeOf(bytes: number): string {
  return bytes % (1024 * MIB) === 0 ? `${bytes / 1024 / MIB} GiB` : `${bytes / MIB} MiB`
}

test('the table of README.md is what the settings declare', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const rows = readme.split('\n').filter((line) => /^\| `(ENTREPOT|OTEL)_/.test(line))
  const expected = allSettings.map(readmeRow)
  assert.deepEqual(rows, expected, `README.md should have these rows:\n${expected.join('\n')}`)
})

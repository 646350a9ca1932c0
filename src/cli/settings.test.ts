import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { Command } from 'commander'
import { loadConfig } from '../config/config.ts'
import type { Environment } from '../config/reader.ts'
import { addSettings, settings } from './settings.ts'

const HELP = / \((ENTREPOT_\w+), default (.*)\)$/
const README_ROW = /^\| `(ENTREPOT_\w+)` \| (.*?) \|/

/** What the help tells, by variable. */
function toldDefaults(): ReadonlyMap<string, string> {
  const { options } = addSettings(new Command(), settings)
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
  return { ...rest, grpc: grpc.port, metrics: { host: metrics.host, port: metrics.port } }
}

test('whoever sets what the help tells as a default gets what is so without it', () => {
  const unset = load({})
  const values = [...toldDefaults()].filter(([, told]) => /^[\w.{}/-]+$/.test(told) && told !== 'none')
  assert.ok(values.length > 30)
  for (const [variable, told] of values) assert.deepEqual(load({ [variable]: told }), unset, variable)
})

test('the README tells the defaults that the help tells', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const rows = readme.split('\n').flatMap((line) => {
    const [, variable, cell] = README_ROW.exec(line) ?? []
    // Some bytes are told in MiB or GiB as well.
    return variable === undefined ? [] : [[variable, cell?.replaceAll('`', '').replace(/ \(.*\)$/, '')]]
  })
  assert.deepEqual(Object.fromEntries(rows), Object.fromEntries(toldDefaults()))
})

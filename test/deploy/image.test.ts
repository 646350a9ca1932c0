/** The image cannot be built by Docker here. What its file says is carried out step by step, and the server runs in what comes out. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { onlyLong } from '../rounds.ts'
import { until } from '../until.ts'
import { buildImage, Container, type Image, whyNoContainers } from './image.harness.ts'

const START_MS = 30_000

/** A file in by one API and out again, as a client in the container. */
const IN_AND_OUT = `
  const headers = { authorization: 'Bearer ' + process.argv[1] }
  const form = new FormData()
  form.set('purpose', 'user_data')
  form.set('file', new Blob(['Hello from the harbour.'.repeat(9999)]), 'hello.txt')
  const url = 'http://127.0.0.1:8420/v1/files'
  const { id } = await (await fetch(url, { method: 'POST', headers, body: form })).json()
  console.log((await (await fetch(url + '/' + id + '/content', { headers })).text()).length)`

test('hadolint finds nothing in the Dockerfile', { skip: whyNoHadolint() }, () => {
  const { stdout, status } = spawnSync('hadolint', ['deploy/Dockerfile'], { encoding: 'utf8' })
  assert.equal(stdout, '')
  assert.equal(status, 0)
})

test('systemd finds nothing in the unit', { skip: whyNot('systemd-analyze') }, () => {
  const { stdout, stderr, status } = spawnSync('systemd-analyze', ['verify', 'deploy/entrepot.service'], {
    encoding: 'utf8',
  })
  assert.deepEqual([stdout, stderr, status], ['', '', 0])
})

describe('the image, built step by step', { skip: onlyLong || whyNoContainers() }, () => {
  let folder = ''
  let image: Image

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'entrepot-image-'))
    image = await buildImage(folder)
  })
  after(() => rm(folder, { recursive: true, force: true }))

  test('holds what runs, and neither npm nor tests nor sources', () => {
    const found = globSync(
      ['local/**/npm*', 'app/dist/**/*.test.*', 'app/src', 'app/node_modules/typescript'],
      { cwd: image.root },
    )
    assert.deepEqual(found, [])
  })

  test('serves on a read-only root as an ordinary user, is healthy, and stops by SIGTERM', async (t) => {
    const data = await mkdtemp(join(folder, 'data-'))
    const container = await Container.start(image, { mounts: { [data]: image.volume } })
    t.after(() => container.stop('SIGKILL'))
    const isHealthy = async () => (await container.execute(...image.health)).status === 0
    assert.ok(await until(START_MS, isHealthy), container.output)
    const { output: key } = await container.execute('entrepot', 'key', 'create', '--name', 'first')
    const { output } = await container.execute('node', '--input-type=module', '-e', IN_AND_OUT, key.trim())
    assert.equal(output.trim(), String('Hello from the harbour.'.length * 9999))
    assert.equal((await container.execute('sh', '-c', 'id -u; touch /app/x')).output.split('\n')[0], '1000')
    assert.notEqual((await container.execute('touch', '/app/x')).status, 0)
    assert.equal(await container.stop('SIGTERM'), 0, container.output)
  })
})

function whyNoHadolint(): string | false {
  return whyNot('hadolint')
}

function whyNot(program: string): string | false {
  return spawnSync(program, ['--version']).error === undefined ? false : `only where ${program} is installed`
}

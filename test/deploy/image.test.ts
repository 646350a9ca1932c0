/** The image cannot be built by Docker here. What its file says is carried out step by step, and the server runs in what comes out. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { RenewedTls } from '../../src/ops/tls.ts'
import { onlyLong } from '../rounds.ts'
import { until } from '../until.ts'
import { type Described, readContainers, runGoTests, variablesOf, whyNoGo } from './go.ts'
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

  test('is started and asked by the chart as it wants to be', { skip: whyNoGo() }, async (t) => {
    const file = join(folder, 'containers.json')
    await runGoTests('TestContainersAreWritten', file)
    const [data, secret] = await Promise.all(['data-', 'tls-'].map((name) => mkdtemp(join(folder, name))))
    if (data === undefined || secret === undefined) throw new Error('no folders')
    const { single, 'single test': hook } = await readContainers(file)
    assert.ok(single && hook)
    await writeCertificate(secret)
    const mounts = { [data]: mountOf(single, 'data'), [secret]: mountOf(single, 'tls') }
    const container = await Container.start(image, {
      args: single.args ?? [],
      env: variablesOf(single),
      mounts,
    })
    t.after(() => container.stop('SIGKILL'))
    for (const { httpGet } of [single.startupProbe, single.readinessProbe, single.livenessProbe]) {
      const port: number | undefined = single.ports.find(({ name }) => name === httpGet.port)?.containerPort
      const url: string = `${httpGet.scheme.toLowerCase()}://127.0.0.1:${port}${httpGet.path}`
      const probe = ['env', 'NODE_TLS_REJECT_UNAUTHORIZED=0', 'node', '--no-warnings', '-e', PROBE, url]
      let said = ''
      const passes = async () => {
        const { status, output } = await container.execute(...probe)
        said = output
        return status === 0
      }
      assert.ok(await until(START_MS, passes, 500), `${url}: ${said}${container.output}`)
    }
    const metrics = await container.execute('node', '-e', READ, 'http://127.0.0.1:8422/metrics')
    assert.match(metrics.output, /^entrepot_build_info/m)
    // The hook of `helm test` asks the Service by its name, which here is this machine.
    const words = hook.command.map((word) => word.replace(/\/\/[\w-]+:/, '//127.0.0.1:'))
    const asked = await container.execute(
      'env',
      ...Object.entries(variablesOf(hook)).map((pair) => pair.join('=')),
      ...words,
    )
    assert.equal(asked.status, 0, asked.output)
    assert.equal(await container.stop('SIGTERM'), 0, container.output)
  })
})

const PROBE =
  'fetch(process.argv[1]).then((answer) => process.exit(answer.ok ? 0 : 1), (error) => { console.log(error.cause); process.exit(1) })'
const READ = 'fetch(process.argv[1]).then((answer) => answer.text()).then(console.log)'

function mountOf({ volumeMounts }: Described, name: string): string {
  return volumeMounts.find((mount) => mount.name === name)?.mountPath ?? assert.fail(`no mount ${name}`)
}

/** As a Secret of the type kubernetes.io/tls is mounted. */
async function writeCertificate(folder: string): Promise<void> {
  const made = join(folder, 'made')
  const { current } = await RenewedTls.load(
    { kind: 'self-signed', folder: made, hosts: ['files.example.com'] },
    Date.now(),
  )
  await writeFile(join(folder, 'tls.crt'), current.cert)
  await writeFile(join(folder, 'tls.key'), current.key, { mode: 0o644 })
}

function whyNoHadolint(): string | false {
  return whyNot('hadolint')
}

function whyNot(program: string): string | false {
  return spawnSync(program, ['--version']).error === undefined ? false : `only where ${program} is installed`
}

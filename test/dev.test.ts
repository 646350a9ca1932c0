import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { onlyLong } from './rounds.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

test('npm run dev serves files of each dialect, to keys of two organizations', {
  skip: onlyLong,
}, async (t) => {
  const port = await freePort()
  const keys = await startDev(t, port)
  for (const key of [keys.default, keys.second]) {
    const answer = await fetch(`http://127.0.0.1:${port}/llamacloud/api/v1/beta/files`, {
      headers: { authorization: `Bearer ${key}` },
    })
    const { items } = (await answer.json()) as { items: { name: string }[] }
    assert.deepEqual(items.map(({ name }) => name).sort(), ['lightfield.txt', 'llamacloud.md', 'yandex.json'])
  }
})

/** @returns the keys that it prints, by organization */
async function startDev(context: TestContext, port: number): Promise<Record<string, string>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'entrepot-dev-'))
  const environment = {
    ...process.env,
    ENTREPOT_DATA_DIR: dataDir,
    ENTREPOT_PORT: String(port),
    ENTREPOT_GRPC_PORT: '0',
    ENTREPOT_METRICS_PORT: 'off',
    ENTREPOT_LOG_LEVEL: 'silent',
  }
  const child = spawn(process.execPath, ['scripts/dev.ts'], { cwd: ROOT, env: environment })
  context.after(async () => {
    await stop(child)
    await rm(dataDir, { recursive: true, force: true })
  })
  let output = ''
  for await (const chunk of child.stdout) {
    output += chunk
    const keys = /keys by organization:\n(\{.*\n\})/s.exec(output)?.[1]
    if (keys !== undefined) return JSON.parse(keys)
  }
  throw new Error(`it ended early: ${output}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill()
  await once(child, 'exit')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

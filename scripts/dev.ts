/**
 * `npm run dev`: a server that restarts when a file of `src` changes, with something in it: two organizations, their keys, and
 * a file that came in through each dialect. All of it is kept in `data/dev`; remove that folder to begin anew.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const DATA_DIR = process.env.ENTREPOT_DATA_DIR ?? 'data/dev'
const KEYS_FILE = `${DATA_DIR}/keys.json`
const ENTRY = 'src/cli/entrepot.ts'
/** Admin of the organization `default`. It opens this server alone, which listens on loopback. */
const ROOT_KEY = 'development-only-key'
const SECOND_ORGANIZATION = 'second'
const RETRY_MS = 200
/** Editors and git write many files at a time. */
const SETTLE_MS = 200

const environment = {
  ...process.env,
  ENTREPOT_DATA_DIR: DATA_DIR,
  ENTREPOT_ROOT_KEY: ROOT_KEY,
  ENTREPOT_LOG_LEVEL: process.env.ENTREPOT_LOG_LEVEL ?? 'debug',
}
const url = `http://127.0.0.1:${process.env.ENTREPOT_PORT ?? 8420}`

let server = start()
let isOver = false
let pending: NodeJS.Timeout | undefined
watch('src', { recursive: true }, () => {
  clearTimeout(pending)
  // A server that failed to start has ended already, and is tried again.
  pending = setTimeout(() => {
    if (server.exitCode !== null) return restart()
    server.once('exit', restart)
    server.kill()
  }, SETTLE_MS)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    isOver = true
    if (server.exitCode !== null) process.exit()
    server.once('exit', (code) => process.exit(code ?? 1))
    server.kill()
  })
}
// Also when this script fails.
process.on('exit', () => server.kill())

await untilReady()
if (!existsSync(KEYS_FILE)) await seed()
console.log(
  `\n${url}, API reference at ${url}/docs, keys by organization:\n${readFileSync(KEYS_FILE, 'utf8')}`,
)

function start(): ChildProcess {
  return spawn(process.execPath, [ENTRY, 'serve'], { env: environment, stdio: 'inherit' })
}

function restart(): void {
  if (!isOver) server = start()
}

async function untilReady(): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined)
    if (answer?.ok) return
    await sleep(RETRY_MS)
  }
}

async function seed(): Promise<void> {
  await entrepot('org', 'create', SECOND_ORGANIZATION)
  const keys = {
    default: ROOT_KEY,
    'default, reads only': await entrepot('key', 'create', '--name', 'reader', '--scope', 'files:read'),
    [SECOND_ORGANIZATION]: await entrepot('key', 'create', '--name', 'dev', '--org', SECOND_ORGANIZATION),
  }
  for (const key of [keys.default, keys[SECOND_ORGANIZATION]])
    for (const upload of [uploadToLightfield, uploadToLlamaCloud, uploadToYandex]) await upload(key ?? '')
  writeFileSync(KEYS_FILE, `${JSON.stringify(keys, undefined, 2)}\n`, { mode: 0o600 })
}

/** @returns what the command printed */
async function entrepot(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [ENTRY, ...args], { env: environment })
  return stdout.trim()
}

async function uploadToLightfield(key: string): Promise<void> {
  const headers = {
    authorization: `Bearer ${key}`,
    'lightfield-version': '2026-03-01',
    'content-type': 'application/json',
  }
  const text = 'Came in through Lightfield.'
  const announced = { filename: 'lightfield.txt', mimeType: 'text/plain', sizeBytes: text.length }
  const created = await send('/v1/files', { method: 'POST', headers, body: JSON.stringify(announced) })
  const { id, uploadUrl } = (await created.json()) as { id: string; uploadUrl: string }
  await send(uploadUrl, { method: 'PUT', headers: { 'content-type': 'text/plain' }, body: text })
  await send(`/v1/files/${id}/complete`, { method: 'POST', headers, body: '{}' })
}

async function uploadToLlamaCloud(key: string): Promise<void> {
  const body = new FormData()
  body.set('purpose', 'user_data')
  body.set('file', new Blob(['# Came in through LlamaCloud\n'], { type: 'text/markdown' }), 'llamacloud.md')
  await send('/api/v1/beta/files', { method: 'POST', headers: { authorization: `Bearer ${key}` }, body })
}

async function uploadToYandex(key: string): Promise<void> {
  const content = Buffer.from('{"came": "in through Yandex AI Studio"}').toString('base64')
  const body = JSON.stringify({ folderId: 'default', name: 'yandex.json', content })
  const headers = { authorization: `Api-Key ${key}`, 'content-type': 'application/json' }
  await send('/files/v1/files', { method: 'POST', headers, body })
}

async function send(target: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(new URL(target, url), init)
  if (!answer.ok) throw new Error(`${init.method} ${target}: ${answer.status} ${await answer.text()}`)
  return answer
}

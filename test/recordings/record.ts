import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { npmClients } from './calls/npm-clients.ts'
import { RECORDED_KEY, RecordingServer } from './recording-server.ts'
import type { Recording } from './recordings.ts'
import { anthropic, gemini, mistral, openai, type Vendor } from './vendors.ts'

// Records clients anew; README.md says how to call it.

const vendors: Readonly<Record<string, (url: string) => Vendor>> = { openai, anthropic, gemini, mistral }

/** Packages of PyPI, each with the file of calls in `calls/` and the dialect that it speaks. */
const pythonClients = [
  { package: 'openai', versions: ['3.57.0', '1.109.1'], calls: 'openai', dialect: 'openai' },
  { package: 'openai', versions: ['3.57.0'], calls: 'azure-openai', dialect: 'openai' },
  {
    package: 'anthropic',
    versions: ['2.14.0', '1.13.0', '0.125.0'],
    calls: 'anthropic',
    dialect: 'anthropic',
  },
  { package: 'google-genai', versions: ['3.6.1', '2.25.0'], calls: 'google-genai', dialect: 'gemini' },
  { package: 'mistralai', versions: ['3.7.0', '1.12.4'], calls: 'mistralai', dialect: 'mistral' },
]

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    /** A folder of virtual environments that are kept, by `<package>-<version>`; otherwise one is made and removed. */
    venvs: { type: 'string' },
  },
})

function isWanted(name: string): boolean {
  return wanted.length === 0 || wanted.some((text) => name.includes(text))
}

async function run(command: string, ...args: string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [text, code] = await Promise.all([
    child.stdout.toArray().then((chunks) => Buffer.concat(chunks).toString().trim()),
    new Promise((resolve) => child.once('close', resolve)),
  ])
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
  return text
}

async function write(name: string, recording: Recording): Promise<void> {
  const url = new URL(`requests/${name}.json`, import.meta.url)
  await writeFile(url, `${JSON.stringify(recording, null, 1)}\n`)
  const requests = recording.calls.reduce((sum, call) => sum + call.requests.length, 0)
  process.stdout.write(`${name}: ${requests} requests of ${recording.calls.length} calls\n`)
}

const today = new Date().toISOString().slice(0, 10)

async function recordPython(
  client: Omit<(typeof pythonClients)[number], 'versions'>,
  version: string,
): Promise<void> {
  const name = `python-${client.calls}-${version}`
  if (!isWanted(name)) return
  const made = options.venvs === undefined ? await mkdtemp(join(tmpdir(), 'recording-')) : undefined
  const venv = join(made ?? options.venvs ?? '', `${client.package}-${version}`)
  const python = join(venv, 'bin/python')
  await run('python3', '-m', 'venv', venv)
  await run(python, '-m', 'pip', 'install', '--quiet', `${client.package}==${version}`)
  const server = await RecordingServer.start(vendors[client.dialect] ?? openai)
  try {
    const play = fileURLToPath(new URL('calls/play.py', import.meta.url))
    const calls = fileURLToPath(new URL(`calls/${client.calls}.py`, import.meta.url))
    await run(python, '-B', play, calls, server.url, RECORDED_KEY)
    await write(name, {
      dialect: client.dialect,
      language: 'python',
      package: client.package,
      version,
      runtime: await run(python, '--version'),
      date: today,
      models: server.models,
      calls: server.calls,
    })
  } finally {
    server.stop()
    if (made !== undefined) await rm(made, { recursive: true })
  }
}

async function recordNpm({ dialect, package: from, version, calls }: (typeof npmClients)[number]) {
  const name = `javascript-${from.replace(/[@]/g, '').replace('/', '-')}-${version}`
  if (!isWanted(name)) return
  const server = await RecordingServer.start(vendors[dialect] ?? openai)
  try {
    await calls(server.url, RECORDED_KEY, (text) => server.begin(text))
    const runtime = `Node ${process.versions.node}`
    const head = { dialect, language: 'javascript', package: from, version, runtime, date: today } as const
    await write(name, { ...head, models: {}, calls: server.calls })
  } finally {
    server.stop()
  }
}

for (const { versions, ...client } of pythonClients)
  for (const version of versions) await recordPython(client, version)
for (const client of npmClients) await recordNpm(client)

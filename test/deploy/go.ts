import { execFile, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { allSettings } from '../../src/cli/settings.ts'

/** Compiling Helm and the types of Kubernetes for the first time takes minutes. */
const PATIENCE_MS = 9 * 60_000

/** Why the chart cannot be rendered here; false if it can. */
export function whyNoGo(): string | false {
  return spawnSync('go', ['version']).status === 0 ? false : 'only where Go is installed'
}

/**
 * Runs tests of the Go module in this folder, which knows the settings of the server.
 * @param containersFile where the containers of the chart are written to, as JSON
 * @throws what the tests printed if one fails
 */
export async function runGoTests(pattern: string, containersFile = ''): Promise<string> {
  const env = {
    ...process.env,
    ENTREPOT_TEST_SETTINGS: allSettings.map(({ variable }) => variable).join(' '),
    ENTREPOT_TEST_CONTAINERS: containersFile,
  }
  // Not from Go's cache, which does not watch the chart: it is outside of the module.
  const options = { cwd: import.meta.dirname, env, timeout: PATIENCE_MS, maxBuffer: 1 << 24 }
  const { stdout } = await promisify(execFile)(
    'go',
    ['test', '-count=1', '-v', '-run', pattern, '.'],
    options,
  ).catch((error) => {
    throw new Error(error.stdout || error.stderr || error.message)
  })
  return stdout
}

/** A container as the chart describes it, as far as tests need it. */
export interface Described {
  readonly args?: readonly string[]
  readonly command: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string; readonly scheme: string }
}

/** What `runGoTests` has written: containers by the mode of the chart, and those of its tests. */
export async function readContainers(file: string): Promise<Readonly<Record<string, Described>>> {
  return JSON.parse(await readFile(file, 'utf8'))
}

/** Those that are not of a Secret. */
export function variablesOf({ env = [] }: Described): Readonly<Record<string, string>> {
  return Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])))
}

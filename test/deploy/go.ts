import { execFile, spawnSync } from 'node:child_process'
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

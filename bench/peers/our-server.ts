import { ROOT_KEY, ServerProcess } from '../../test/faults/server-process.ts'
import { fillFiles } from './fill-files.ts'
import { freePort } from './foreign.ts'

/** Our server as shipped, with rate limits off and a key that is known. */
export async function startOurs(dataDir: string, settings = {}): Promise<ServerProcess> {
  return ServerProcess.start({ dataDir, settings })
}

/** A server of ours whose one project has that many files and one. */
export async function startFilled(dataDir: string, files: number): Promise<ServerProcess> {
  const empty = await startOurs(dataDir)
  const body = new FormData()
  body.set('purpose', 'user_data')
  body.set('file', new File(['x'], 'one.txt'))
  const headers = { authorization: `Bearer ${ROOT_KEY}` }
  const { ok, status } = await fetch(`${empty.url}/api/v1/beta/files`, { method: 'POST', body, headers })
  await empty.end('SIGTERM')
  if (!ok) throw new Error(`the first file was answered with ${status}`)
  fillFiles(dataDir, files)
  return startOurs(dataDir)
}

/** A server of ours that tells how long its loop was held up. */
export class MeasuredServer {
  readonly server: ServerProcess
  readonly #metricsUrl: string

  private constructor(server: ServerProcess, metricsUrl: string) {
    this.server = server
    this.#metricsUrl = metricsUrl
  }

  static async start(dataDir: string): Promise<MeasuredServer> {
    const port = await freePort()
    const server = await startOurs(dataDir, { ENTREPOT_METRICS_PORT: String(port) })
    return new MeasuredServer(server, `http://127.0.0.1:${port}/metrics`)
  }

  /** The 99th percentile of the loop's delay since it was asked for last. */
  async loopDelayMs(): Promise<number> {
    const text = await (await fetch(this.#metricsUrl)).text()
    const seconds = /^entrepot_nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(text)?.[1]
    return Number(seconds) * 1000
  }
}

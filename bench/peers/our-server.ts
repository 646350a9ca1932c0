import { ROOT_KEY, ServerProcess } from '../../test/faults/server-process.ts'
import { fillFiles } from './fill-files.ts'

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

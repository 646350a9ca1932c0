import { print, printJson } from '../output.ts'
import { Api, filePath, type RemoteFile } from '../remote/api.ts'
import { type ConnectionOptions, connectionOf } from '../remote/connection.ts'

interface CopyOptions extends ConnectionOptions {
  readonly project: string
  readonly name?: string
  readonly json?: true
}

export async function copy(id: string, options: CopyOptions): Promise<void> {
  const { project, name, json } = options
  const api = new Api(connectionOf(options))
  const file = await api.json<RemoteFile>('POST', `${filePath(id)}/copies`, { body: { project, name } })
  if (json) printJson(file)
  else print(file.id)
}

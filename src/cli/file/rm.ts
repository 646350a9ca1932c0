import { describe } from '../failure.ts'
import { print, visible } from '../output.ts'
import { Api, filePath } from '../remote/api.ts'
import { type ConnectionOptions, connectionOf } from '../remote/connection.ts'
import { concernsAll } from '../remote/refusals.ts'

/** One after the other; a file that cannot be deleted does not keep the others. @throws Failure that would meet all */
export async function remove(ids: readonly string[], options: ConnectionOptions): Promise<void> {
  const api = new Api(connectionOf(options))
  for (const id of ids) {
    try {
      await api.json('DELETE', filePath(id))
      print(`Deleted ${visible(id)}.`)
    } catch (error) {
      if (concernsAll(error)) throw error
      process.exitCode = 1
      process.stderr.write(`error: ${visible(id)}: ${describe(error, 'command')}\n`)
    }
  }
}

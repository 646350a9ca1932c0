import type { Lifetime } from '../lifetime.ts'
import { print, printJson, printList } from '../output.ts'
import { Api, filePath } from '../remote/api.ts'
import { type ConnectionOptions, connectionOf } from '../remote/connection.ts'
import { secondsUntil } from './put-options.ts'

interface LinkOptions extends ConnectionOptions {
  readonly expires?: Lifetime
  readonly list?: true
  readonly end?: string
  readonly json?: true
}

const AN_HOUR: Lifetime = { seconds: 3600 }

interface RemoteLink {
  readonly id: string
  readonly url: string
  readonly createdAt: string
  readonly expiresAt: string
  readonly createdBy: string
}

export async function link(id: string, { expires, list, end, ...options }: LinkOptions): Promise<void> {
  const api = new Api(connectionOf(options))
  const path = `${filePath(id)}/links`
  if (end !== undefined) {
    await api.json('DELETE', `${path}/${encodeURIComponent(end)}`)
    print(`Ended ${end}.`)
  } else if (list) {
    const { links } = await api.json<{ links: readonly RemoteLink[] }>('GET', path)
    const rows = links.map((each) => ({ ...each }))
    printList(['id', 'createdBy', 'expiresAt', 'url'], rows, options.json)
  } else {
    const body = { expiresInSeconds: secondsUntil(expires ?? AN_HOUR) }
    const made = await api.json<RemoteLink>('POST', path, { body })
    if (options.json) printJson(made)
    else print(made.url)
  }
}

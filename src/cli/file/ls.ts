import { showSize } from '../../config/size.ts'
import { print, TablePrinter } from '../output.ts'
import { Api, type FilePage, type RemoteFile } from '../remote/api.ts'
import { type ConnectionOptions, connectionOf } from '../remote/connection.ts'

interface ListOptions extends ConnectionOptions {
  readonly project?: string
  readonly name?: string
  readonly type?: string
  readonly dialect?: string
  readonly sort?: string
  readonly order?: string
  readonly limit?: number
  readonly json?: true
}

const MAX_PAGE = 1000

/** Prints each page as it comes: a project may have more files than fit in memory. */
export async function list(options: ListOptions): Promise<void> {
  const pages = pagesOf(new Api(connectionOf(options)), options)
  if (options.json) await printArray(pages)
  else await printTables(pages)
}

async function* pagesOf(
  api: Api,
  { limit, project, name, type, dialect, sort, order }: ListOptions,
): AsyncGenerator<readonly RemoteFile[]> {
  let left = limit ?? Number.POSITIVE_INFINITY
  let after: string | undefined
  const asked = { project, name, type, dialect, sort, order }
  do {
    const query = { ...asked, after, limit: `${Math.min(left, MAX_PAGE)}` }
    const { files, next } = await api.json<FilePage>('GET', '/admin/v1/files', { query })
    yield files.slice(0, left)
    left -= files.length
    after = next ?? undefined
  } while (after !== undefined && left > 0)
}

async function printTables(pages: AsyncIterable<readonly RemoteFile[]>): Promise<void> {
  const table = new TablePrinter(['NAME', 'SIZE', 'TYPE', 'AGE', 'ID'])
  for await (const files of pages)
    table.print(
      files.map(({ name, sizeBytes, mimeType, createdAt, id }) => [
        name,
        showSize(sizeBytes),
        mimeType,
        showAge(Date.now() - Date.parse(createdAt)),
        id,
      ]),
    )
}

async function printArray(pages: AsyncIterable<readonly RemoteFile[]>): Promise<void> {
  let count = 0
  for await (const files of pages)
    for (const file of files) print(`${count++ === 0 ? '[' : ','}${JSON.stringify(file)}`)
  print(count === 0 ? '[]' : ']')
}

const UNITS: readonly (readonly [unit: string, seconds: number])[] = [
  ['y', 365 * 86_400],
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
]

/** Like `3d`; clocks may differ by a little. */
function showAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ['s', 1]
  return `${Math.floor(seconds / size)}${unit}`
}

import { showSize } from '../../config/size.ts'
import { printJson, printTable } from '../output.ts'
import { Api, type RemoteFile } from '../remote/api.ts'
import { type ConnectionOptions, connectionOf } from '../remote/connection.ts'

export async function stat(id: string, options: ConnectionOptions & { readonly json?: true }): Promise<void> {
  const file = await new Api(connectionOf(options)).getFile(id)
  if (options.json) printJson(file)
  else printTable(Object.entries(file).map(([field, value]) => [field, shown(field, value, file)]))
}

function shown(field: string, value: unknown, { project, sizeBytes }: RemoteFile): string {
  if (field === 'project') return `${project.slug} (${project.id})`
  if (field === 'sizeBytes') return `${sizeBytes} (${showSize(sizeBytes)})`
  if (value === null) return '-'
  if (typeof value !== 'object') return String(value)
  const pairs = Object.entries(value as object).map(([key, text]) => `${key}=${text}`)
  return pairs.join(', ') || '-'
}

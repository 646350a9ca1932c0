import type { Dialect } from '../dialect.ts'
import { fileIds } from './ids.ts'
import { settings } from './settings.ts'

export const llamacloud: Dialect<typeof settings> = {
  name: 'llamacloud',
  title: 'LlamaCloud',
  settings,
  fileIds,
  greeting: `curl -sS "$URL/api/v1/beta/files/$ID" -H "Authorization: Bearer $KEY"; echo`,
  load: async (values) => (await import('./api.ts')).llamacloudApi(values),
}

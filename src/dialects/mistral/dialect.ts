import type { Dialect } from '../dialect.ts'
import { fileIds } from './ids.ts'
import { settings } from './settings.ts'

export const mistral: Dialect<typeof settings> = {
  name: 'mistral',
  title: 'Mistral',
  settings,
  fileIds,
  greeting: `curl -sS "$URL/mistral/v1/files/$ID" -H "Authorization: Bearer $KEY"; echo`,
  load: async (values) => (await import('./api.ts')).mistralApi(values),
}

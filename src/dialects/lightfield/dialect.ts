import type { Dialect } from '../dialect.ts'
import { fileIds } from './ids.ts'
import { settings } from './settings.ts'

export const lightfield: Dialect<typeof settings> = {
  name: 'lightfield',
  title: 'Lightfield',
  settings,
  fileIds,
  greeting: `curl -sS "$URL/v1/files/$ID" -H "Authorization: Bearer $KEY" -H 'Lightfield-Version: 2026-03-01'; echo`,
  load: async (values) => (await import('./api.ts')).lightfieldApi(values),
}

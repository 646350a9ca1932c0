import type { Dialect } from '../dialect.ts'
import { fileIds } from './ids.ts'
import { settings } from './settings.ts'

export const anthropic: Dialect<typeof settings> = {
  name: 'anthropic',
  title: 'Anthropic',
  settings,
  fileIds,
  greeting: `curl -sS "$URL/v1/files/$ID" -H "x-api-key: $KEY"; echo`,
  load: async (values) => (await import('./api.ts')).anthropicApi(values),
}

import type { Dialect } from '../dialect.ts'
import { fileIds } from './ids.ts'
import { settings } from './settings.ts'

export const gemini: Dialect<typeof settings> = {
  name: 'gemini',
  title: 'Gemini',
  settings,
  fileIds,
  greeting: `curl -sS "$URL/v1beta/files/$ID" -H "x-goog-api-key: $KEY"; echo`,
  load: async (values) => (await import('./api.ts')).geminiApi(values),
}

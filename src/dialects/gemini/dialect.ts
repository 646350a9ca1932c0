import type { Dialect } from '../dialect.ts'
import { fileIds } from './ids.ts'
import { settings } from './settings.ts'

export const gemini: Dialect<typeof settings> = {
  name: 'gemini',
  title: 'Gemini',
  settings,
  fileIds,
  greeting: {
    about: 'paste these after them to put one more in, and to list them all',
    commands: () => `curl -sS "$URL/upload/v1beta/files" -H "x-goog-api-key: $KEY" \\
  -H "X-Goog-Upload-Protocol: raw" -H "X-Goog-Upload-File-Name: more.txt" \\
  -H "Content-Type: text/plain" --data-binary "$TEXT"; echo
curl -sS "$URL/v1beta/files" -H "x-goog-api-key: $KEY"; echo`,
  },
  load: async (values) => (await import('./api.ts')).geminiApi(values),
}

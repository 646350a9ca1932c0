import type { Dialect } from '../dialect.ts'
import { fileIds } from './ids.ts'
import { settings } from './settings.ts'

export const openai: Dialect<typeof settings> = {
  name: 'openai',
  title: 'OpenAI',
  basePath: '/v1',
  settings,
  fileIds,
  greeting: `ID=$(curl -sS "$URL/v1/files" -H "Authorization: Bearer $KEY" -F purpose=user_data \\
  -F "file=$TEXT;filename=hello.txt" | sed -n 's/.*"id":"\\([^"]*\\)".*/\\1/p')
curl -sS "$URL/v1/files/$ID/content" -H "Authorization: Bearer $KEY"; echo`,
  load: async (values) => (await import('./api.ts')).openaiApi(values),
}

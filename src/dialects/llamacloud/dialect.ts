import type { Dialect } from '../dialect.ts'
import { fileIds } from './ids.ts'
import { settings } from './settings.ts'

export const llamacloud: Dialect<typeof settings> = {
  name: 'llamacloud',
  title: 'LlamaCloud',
  settings,
  fileIds,
  greeting: {
    about: 'paste these after them to put one more in, and to list both',
    commands: () => `curl -sS "$URL/api/v1/beta/files" -H "Authorization: Bearer $KEY" \\
  -F purpose=user_data -F "file=$TEXT;filename=again.txt;type=text/plain"; echo
curl -sS "$URL/api/v1/beta/files" -H "Authorization: Bearer $KEY"; echo`,
  },
  load: async (values) => (await import('./api.ts')).llamacloudApi(values),
}

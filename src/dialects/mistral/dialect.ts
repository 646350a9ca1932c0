import type { Dialect } from '../dialect.ts'
import { fileIds } from './ids.ts'
import { settings } from './settings.ts'

export const mistral: Dialect<typeof settings> = {
  name: 'mistral',
  title: 'Mistral',
  settings,
  fileIds,
  greeting: {
    about: 'paste this after them to put one more in, for OCR',
    commands: () => `curl -sS "$URL/mistral/v1/files" -H "Authorization: Bearer $KEY" \\
  -F purpose=ocr -F "file=$TEXT;filename=scan.txt;type=text/plain"; echo`,
  },
  load: async (values) => (await import('./api.ts')).mistralApi(values),
}

import type { Dialect } from '../dialect.ts'
import { fileIds } from './ids.ts'
import { settings } from './settings.ts'

export const anthropic: Dialect<typeof settings> = {
  name: 'anthropic',
  title: 'Anthropic',
  settings,
  fileIds,
  greeting: {
    about: 'paste these after them to put in one that ends in an hour',
    commands:
      () => `curl -sS "$URL/anthropic/v1/files" -H "x-api-key: $KEY" -H 'anthropic-version: 2026-10-21' \\
  -F "file=$TEXT;filename=hour.txt;type=text/plain" -F expires_in_seconds=3600; echo`,
  },
  load: async (values) => (await import('./api.ts')).anthropicApi(values),
}

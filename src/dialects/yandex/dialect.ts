import type { Dialect } from '../dialect.ts'
import { fileIds } from './ids.ts'
import { checkSettings, settings } from './settings.ts'

export const yandex: Dialect<typeof settings> = {
  name: 'yandex',
  title: 'Yandex AI Studio',
  settings,
  fileIds,
  greeting: {
    about: 'and a third one',
    commands: () => `curl -sS "$URL/files/v1/files" -H "Authorization: Api-Key $KEY" \\
  -d "{\\"folderId\\":\\"default\\",\\"content\\":\\"$(printf %s "$TEXT" | base64 | tr -d '\\n')\\"}"; echo`,
  },
  check: checkSettings,
  load: async (values, { grpcPort }) => (await import('./api.ts')).yandexApi(values, grpcPort),
}

import type { Dialect } from '../dialect.ts'
import { fileIds } from './ids.ts'
import { checkSettings, settings } from './settings.ts'

export const yandex: Dialect<typeof settings> = {
  name: 'yandex',
  title: 'Yandex AI Studio',
  settings,
  fileIds,
  greeting: `curl -sS "$URL/files/v1/files/$ID" -H "Authorization: Api-Key $KEY"; echo`,
  check: checkSettings,
  load: async (values, { grpcPort }) => (await import('./api.ts')).yandexApi(values, grpcPort),
}

import type { Dialect } from '../dialect.ts'
import { greeting } from './greeting.ts'
import { fileIds } from './ids.ts'
import { settings } from './settings.ts'

export const lightfield: Dialect<typeof settings> = {
  name: 'lightfield',
  title: 'Lightfield',
  settings,
  fileIds,
  greeting,
  load: async (values) => (await import('./api.ts')).lightfieldApi(values),
}

import type { Dialect } from './dialect.ts'
import { lightfield } from './lightfield/dialect.ts'
import type { LightfieldSettings } from './lightfield/settings.ts'
import { llamacloud } from './llamacloud/dialect.ts'
import type { LlamaCloudSettings } from './llamacloud/settings.ts'
import { yandex } from './yandex/dialect.ts'
import type { YandexSettings } from './yandex/settings.ts'

export interface DialectSettings {
  readonly lightfield: LightfieldSettings
  readonly llamacloud: LlamaCloudSettings
  readonly yandex: YandexSettings
}

/**
 * Every dialect the service speaks. A new one is a folder and one line here. The first one answers on shared paths that
 * nobody claims.
 */
export function allDialects(settings: DialectSettings): readonly [Dialect, ...Dialect[]] {
  return [lightfield(settings.lightfield), llamacloud(settings.llamacloud), yandex(settings.yandex)]
}

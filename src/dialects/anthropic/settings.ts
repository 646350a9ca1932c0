import { size } from '../../config/parsers.ts'
import { setting, type ValuesOf } from '../../config/setting.ts'

export const settings = {
  maxFileBytes: setting('ANTHROPIC_MAX_FILE_BYTES <bytes>', size(1), {
    fallback: `${8 * 1024 ** 3}`,
    help: 'largest file',
    more: 'For keys whose fidelity is `strict`, at most the 500 MB of the vendor.',
  }),
}

export type AnthropicSettings = ValuesOf<typeof settings>

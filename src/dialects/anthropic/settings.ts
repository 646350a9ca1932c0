import { integer } from '../../config/parsers.ts'
import { setting, type ValuesOf } from '../../config/setting.ts'

export const settings = {
  maxFileBytes: setting('ANTHROPIC_MAX_FILE_BYTES <bytes>', integer(1, Number.MAX_SAFE_INTEGER), {
    fallback: `${8 * 1024 ** 3}`,
    help: 'largest file',
    more: 'For keys whose fidelity is `strict`, at most the 500 MB of the vendor.',
  }),
}

export type AnthropicSettings = ValuesOf<typeof settings>

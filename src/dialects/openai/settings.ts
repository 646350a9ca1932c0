import { integerOrOff, oneOf, size } from '../../config/parsers.ts'
import { setting, type ValuesOf } from '../../config/setting.ts'

const GIB = 1024 ** 3

export const settings = {
  maxFileBytes: setting('OPENAI_MAX_FILE_BYTES <bytes>', size(1), {
    // What the vendor takes in parts.
    fallback: `${8 * GIB}`,
    help: 'largest file',
    more: 'Where a key is strict, 512 MiB for a file that comes whole and 8 GiB for one in parts, unless this is less.',
  }),
  batchDays: setting('OPENAI_BATCH_DAYS <days>', integerOrOff(1, 36_500), {
    fallback: '30',
    help: 'days until files for batches end, if nobody says when; off: never',
  }),
  unknownFields: setting('OPENAI_UNKNOWN_FIELDS <refuse|ignore>', oneOf('refuse', 'ignore'), {
    fallback: 'refuse',
    help: 'what to do with fields of a form or body that OpenAI does not know',
    more: 'OpenAI answers 400; some gateways add fields of their own.',
  }),
}

export type OpenAISettings = ValuesOf<typeof settings>

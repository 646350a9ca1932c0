import { integer, size } from '../../config/parsers.ts'
import { type Parser, setting, type ValuesOf, WrongValue } from '../../config/setting.ts'

const GIB = 1024 ** 3
const MAX_HOURS = 876_000
const DAY_SECONDS = 24 * 60 * 60

/** Null keeps files. */
const retentionHours: Parser<number | null> = (text, isGiven) => {
  if (text === 'never') return null
  try {
    return integer(1, MAX_HOURS)(text, isGiven)
  } catch {
    throw new WrongValue(`must be never or a whole number of hours from 1 to ${MAX_HOURS}, not "${text}".`)
  }
}

export const settings = {
  maxFileBytes: setting('GEMINI_MAX_FILE_BYTES <bytes>', size(1), {
    fallback: `${8 * GIB}`,
    help: 'largest file',
    more: 'For keys whose fidelity is `strict` it is 2 GiB, if that is less.',
  }),
  /** Fixed when the upload is started, as the vendor's 48 hours are. */
  retentionHours: setting('GEMINI_RETENTION_HOURS <hours>', retentionHours, {
    fallback: '48',
    help: 'hours until files end, or never',
  }),
  uploadSeconds: setting('GEMINI_UPLOAD_SECONDS <seconds>', integer(60, 7 * DAY_SECONDS), {
    fallback: `${DAY_SECONDS}`,
    help: 'how long an upload can be resumed',
  }),
  processingSeconds: setting('GEMINI_PROCESSING_SECONDS <seconds>', integer(0, DAY_SECONDS), {
    fallback: '0',
    help: 'seconds for which new files are shown as PROCESSING',
    more: 'For trying clients that wait for `ACTIVE`.',
  }),
}

export type GeminiSettings = ValuesOf<typeof settings>

import { integer, integerOrOff, size } from '../../config/parsers.ts'
import { setting, type ValuesOf } from '../../config/setting.ts'

const GIB = 1024 ** 3
const HOUR_SECONDS = 60 * 60
/** A century. */
const MAX_HOURS = 876_000
/** The most files that a page of a listing can have. */
const MAX_PAGE = 10_000

export const settings = {
  maxFileBytes: setting('MISTRAL_MAX_FILE_BYTES <bytes>', size(1), {
    fallback: `${8 * GIB}`,
    help: 'largest file',
    more: 'Strict keys: at most 512 MiB.',
  }),
  /** The vendor does not document the unit. */
  expiryUnitSeconds: setting('MISTRAL_EXPIRY_UNIT_SECONDS <seconds>', integer(1, 24 * HOUR_SECONDS), {
    fallback: `${HOUR_SECONDS}`,
    help: 'what 1 means in expiry, in seconds',
  }),
  /** The vendor documents 30 days, and shows files that never end. */
  retentionHours: setting('MISTRAL_RETENTION_HOURS <hours|off>', integerOrOff(1, MAX_HOURS), {
    fallback: 'off',
    help: 'hours until files end that name no expiry; off: never',
  }),
  maxPageSize: setting('MISTRAL_MAX_PAGE_SIZE <files>', integer(1, MAX_PAGE), {
    fallback: '1000',
    help: 'largest page_size of a list',
  }),
}

export type MistralSettings = ValuesOf<typeof settings>

import { integer, list, onOff, size } from '../../config/parsers.ts'
import { type Parser, setting, type ValuesOf, WrongValue } from '../../config/setting.ts'

export const purposes = ['user_data', 'parse', 'extract', 'split', 'classify', 'sheet', 'agent_app'] as const
export type Purpose = (typeof purposes)[number]

/** What the vendor's printed examples send, in every language: taken as a purpose that says nothing, and kept. */
export const EXAMPLE_PURPOSE = 'purpose'

function isPurpose(text: string): text is Purpose {
  return (purposes as readonly string[]).includes(text)
}

/** Hours until a file of each purpose ends, fixed at its creation; null keeps it. */
type RetentionHours = Readonly<Record<Purpose, number | null>>

const PARSE_HOURS = 48

/** The vendor documents 48 hours for the files that it parses, and nothing for the other purposes. */
const defaultRetentionHours: RetentionHours = {
  user_data: null,
  parse: PARSE_HOURS,
  extract: PARSE_HOURS,
  split: PARSE_HOURS,
  classify: PARSE_HOURS,
  sheet: PARSE_HOURS,
  agent_app: null,
}

/** Like `parse=24,extract=never`, or `never` for all purposes; what is left out keeps its default. */
const retentionHours: Parser<RetentionHours> = (text) => {
  const hours: Record<Purpose, number | null> = { ...defaultRetentionHours }
  if (text === 'never') for (const purpose of purposes) hours[purpose] = null
  else if (text !== '')
    for (const part of text.split(',')) {
      const [, purpose, value] = /^(\w+)=(never|[1-9]\d{0,5})$/.exec(part.trim()) ?? []
      if (purpose === undefined)
        throw new WrongValue(`must be never, or like "parse=48,user_data=never", not "${text}".`)
      if (!isPurpose(purpose))
        throw new WrongValue(
          `is wrong. There is no LlamaCloud purpose "${purpose}"; there are ${purposes.join(', ')}.`,
        )
      hours[purpose] = value === 'never' ? null : Number(value)
    }
  return hours
}

/** As a URL has it, so that it can be compared with one: no scheme, path, user, or other spelling of an address. */
const hosts = list('files.example.com, 10.0.0.5:9000', (part) => {
  const text = part.toLowerCase()
  const [, host, port] = /^([a-z\d._-]+|\[[\da-f:.]+\])(?::([1-9]\d{0,4}))?$/.exec(text) ?? []
  if (host === undefined || Number(port ?? 1) > 65_535) return undefined
  return URL.parse(`http://${host}`)?.hostname === host ? text : undefined
})

const MAX_LINK_SECONDS = 7 * 24 * 60 * 60

export const settings = {
  maxFileBytes: setting('LLAMACLOUD_MAX_FILE_BYTES <bytes>', size(1), {
    // What the vendor documents as 512 MB.
    fallback: `${512 * 1024 * 1024}`,
    help: 'largest file',
  }),
  retentionHours: setting('LLAMACLOUD_RETENTION_HOURS <hours>', retentionHours, {
    fallback: '',
    otherwise: '48, but `user_data` and `agent_app` stay',
    help: 'hours until files end, by purpose: never, or like parse=24,extract=never',
  }),
  urlOnCreate: setting('LLAMACLOUD_URL_ON_CREATE <on|off>', onOff, {
    fallback: 'on',
    help: 'fill download_url in the answer to create',
  }),
  prefixIds: setting('LLAMACLOUD_ID_PREFIX <on|off>', onOff, {
    fallback: 'on',
    help: 'print ids as dfl-<uuid>, not bare',
    more: 'Both are always accepted.',
  }),
  /** Unknown ones are kept without expiry. */
  anyPurpose: setting('LLAMACLOUD_ANY_PURPOSE <on|off>', onOff, {
    fallback: 'off',
    help: 'take any text as a purpose',
  }),
  allowEmptyFiles: setting('LLAMACLOUD_EMPTY_FILES <on|off>', onOff, {
    fallback: 'off',
    help: 'take files of zero bytes',
  }),
  sessionSeconds: setting('LLAMACLOUD_SESSION_SECONDS <seconds>', integer(60, MAX_LINK_SECONDS), {
    fallback: '43200',
    help: 'how long the cookie session lives',
  }),
  uploadFromUrl: setting('LLAMACLOUD_UPLOAD_FROM_URL <on|off>', onOff, {
    fallback: 'off',
    help: 'let callers make the server fetch files from URLs',
    more: 'From public HTTPS addresses; see [files from URLs](docs/operating.md#files-from-urls).',
  }),
  /** Hosts that may be asked although they are not public; see `OutboundPolicy`. */
  uploadFromUrlAllowedHosts: setting('LLAMACLOUD_UPLOAD_FROM_URL_ALLOWED_HOSTS <hosts>', hosts, {
    fallback: '',
    help: 'hosts to fetch from at any address, also over plain HTTP',
    more: 'Like `files.internal, 10.0.0.5:9000`.',
  }),
}

export type LlamaCloudSettings = ValuesOf<typeof settings>

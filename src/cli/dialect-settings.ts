import type { Setting } from './setting.ts'

/** Settings of one dialect each. */
export const dialectSettings: readonly Setting[] = [
  {
    variable: 'LIGHTFIELD_SESSION_SECONDS',
    value: 'seconds',
    meaning: 'how long an upload may wait for its bytes',
  },
  { variable: 'LIGHTFIELD_DOWNLOAD_SECONDS', value: 'seconds', meaning: 'how long a download URL lives' },
  {
    variable: 'LIGHTFIELD_REQUIRE_VERSION',
    value: 'on|off',
    meaning: 'refuse requests without Lightfield-Version',
  },
  { variable: 'LIGHTFIELD_PURPOSES', value: 'json', meaning: 'changed rules of purposes, as JSON or @file' },
  { variable: 'LLAMACLOUD_MAX_FILE_BYTES', value: 'bytes', meaning: 'largest file' },
  {
    variable: 'LLAMACLOUD_RETENTION_HOURS',
    value: 'hours',
    fallback: '48, but user_data and agent_app stay',
    meaning: 'until files end, by purpose: never, or like parse=24,extract=never',
  },
  {
    variable: 'LLAMACLOUD_URL_ON_CREATE',
    value: 'on|off',
    meaning: 'fill download_url in the answer to create',
  },
  { variable: 'LLAMACLOUD_ID_PREFIX', value: 'on|off', meaning: 'print ids as dfl-<uuid>, not bare' },
  { variable: 'LLAMACLOUD_ANY_PURPOSE', value: 'on|off', meaning: 'take any text as a purpose' },
  { variable: 'LLAMACLOUD_EMPTY_FILES', value: 'on|off', meaning: 'take files of zero bytes' },
  { variable: 'LLAMACLOUD_SESSION_SECONDS', value: 'seconds', meaning: 'how long the cookie session lives' },
  {
    variable: 'LLAMACLOUD_UPLOAD_FROM_URL',
    value: 'on|off',
    meaning: 'let callers have files fetched from the public network',
  },
  {
    variable: 'LLAMACLOUD_UPLOAD_FROM_URL_ALLOWED_HOSTS',
    value: 'hosts',
    meaning: 'fetched from as well, at any address and over plain HTTP',
  },
  { variable: 'YANDEX_MAX_FILE_BYTES', value: 'bytes', meaning: 'largest file' },
  {
    variable: 'YANDEX_DEFAULT_POLICY',
    value: 'policy',
    meaning: 'of files without one: since-last-active, since-created or never',
  },
  { variable: 'YANDEX_TTL_DAYS', value: 'days', meaning: 'of files that name none' },
  { variable: 'YANDEX_MAX_TTL_DAYS', value: 'days', meaning: 'most that a file may name' },
  { variable: 'YANDEX_LINK_SECONDS', value: 'seconds', meaning: 'how long a URL lives' },
  { variable: 'YANDEX_REST_NAMES', value: 'camel|snake', meaning: 'field names in REST answers' },
  {
    variable: 'YANDEX_ENDPOINT',
    value: 'host:port',
    fallback: 'the address called, over REST the public host',
    meaning: 'gRPC address that discovery tells',
  },
  { variable: 'YANDEX_ANONYMOUS', value: 'on|off', meaning: 'let programs on this machine in without a key' },
]

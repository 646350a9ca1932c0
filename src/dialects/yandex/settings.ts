import type { Config } from '../../config/config.ts'
import { isLoopback } from '../../config/networks.ts'
import { integer, oneOf, onOff, size, text } from '../../config/parsers.ts'
import { setting, type ValuesOf } from '../../config/setting.ts'

const MIB = 1024 * 1024
const MAX_FILE_BYTES = 512 * MIB
const MAX_TTL_DAYS = 36_500
const MAX_LINK_SECONDS = 7 * 24 * 60 * 60

/** Defaults are the vendor's own values where it publishes or shows them; README.md tells which. */
export const settings = {
  maxFileBytes: setting('YANDEX_MAX_FILE_BYTES <bytes>', size(1, MAX_FILE_BYTES), {
    // What the vendor documents as 128 MB.
    fallback: `${128 * MIB}`,
    help: 'largest file',
  }),
  defaultPolicy: setting(
    'YANDEX_DEFAULT_POLICY <policy>',
    oneOf('since-last-active', 'since-created', 'never'),
    {
      fallback: 'since-last-active',
      help: 'expiry of files that name none: since-last-active, since-created or never',
    },
  ),
  defaultTtlDays: setting('YANDEX_TTL_DAYS <days>', integer(1, MAX_TTL_DAYS), {
    fallback: '7',
    help: 'days until files end that name no number',
  }),
  maxTtlDays: setting('YANDEX_MAX_TTL_DAYS <days>', integer(1, MAX_TTL_DAYS), {
    fallback: '365',
    help: 'most days that a file may name',
  }),
  /** For the URL of GetUrl. */
  linkSeconds: setting('YANDEX_LINK_SECONDS <seconds>', integer(1, MAX_LINK_SECONDS), {
    fallback: '3600',
    help: 'how long the URL of getUrl lives',
  }),
  restFieldNames: setting('YANDEX_REST_NAMES <camel|snake>', oneOf('camel', 'snake'), {
    fallback: 'camel',
    help: 'names of fields in REST answers',
    more: '`camel` as published, `snake` as the live host prints them.',
  }),
  endpoint: setting('YANDEX_ENDPOINT <host:port>', text, {
    otherwise: 'the address called, over REST the public host',
    help: 'host:port of gRPC that discovery returns',
    more: 'The public host is that of `ENTREPOT_PUBLIC_URL`, with the port of gRPC.',
  }),
  /** Who comes without credentials, from this very machine, acts for the project `default`. */
  anonymous: setting('YANDEX_ANONYMOUS <on|off>', onOff, {
    fallback: 'off',
    help: 'let programs on this machine in without a key',
    more: "This works only while listening on loopback. Behind a proxy or tunnel on this machine it may let everybody in; see the [dialect's README](src/dialects/yandex/README.md).",
  }),
}

export type YandexSettings = ValuesOf<typeof settings>

/** @returns what is wrong: nobody but this machine is meant to come while anybody may */
export function checkSettings(
  { anonymous }: YandexSettings,
  { host, publicUrl }: Pick<Config, 'host' | 'publicUrl'>,
): string | undefined {
  const isLocal = isLoopback(host) && (publicUrl === undefined || isLoopback(new URL(publicUrl).hostname))
  if (!anonymous || isLocal) return undefined
  return 'ENTREPOT_YANDEX_ANONYMOUS needs ENTREPOT_HOST, and ENTREPOT_PUBLIC_URL if set, to be this machine (127.0.0.1).'
}

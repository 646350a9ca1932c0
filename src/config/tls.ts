import { oneOf, text } from './parsers.ts'
import { group, setting } from './setting.ts'

/** Where the certificate comes from. */
export type TlsSettings =
  | { readonly kind: 'self-signed' }
  | { readonly kind: 'files'; readonly certPath: string; readonly keyPath: string }

/** For the ports of HTTP and gRPC; undefined: plaintext. */
export const tls = group(
  {
    made: setting('TLS <self-signed>', oneOf('self-signed'), {
      own: true,
      help: 'make a certificate for both ports',
      more: 'The start prints which CA clients have to trust.',
    }),
    certPath: setting('TLS_CERT <file>', text, {
      own: true,
      help: 'file of a certificate for both ports, PEM',
      more: 'It needs the next one.',
    }),
    keyPath: setting('TLS_KEY <file>', text, { own: true, help: 'file of its private key, PEM' }),
  },
  ({ made, certPath, keyPath }, { env, refuse }): TlsSettings | undefined => {
    if (env.ENTREPOT_TLS && (certPath ?? keyPath) !== undefined)
      refuse('TLS', 'excludes TLS_CERT and TLS_KEY.')
    if ((certPath === undefined) !== (keyPath === undefined))
      refuse('TLS_CERT', 'and ENTREPOT_TLS_KEY go together.')
    if (certPath !== undefined && keyPath !== undefined) return { kind: 'files', certPath, keyPath }
    return made && { kind: made }
  },
)

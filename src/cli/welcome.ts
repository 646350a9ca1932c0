import { homedir } from 'node:os'
import { styleText } from 'node:util'
import type { App } from '../app/app.ts'
import { version } from '../app/version.ts'
import { allDialects } from '../dialects/all.ts'
import { quote } from './next-command.ts'

/** Where a server listens, and where it keeps what it is given, for whoever sits at its terminal. */
export function whereItIs(
  { listeningUrl, grpcAddress, metricsUrl, services }: App,
  { places, hasConsole }: { readonly places: readonly string[]; readonly hasConsole: boolean },
): string {
  const { publicUrl } = services.addresses
  const rows = [
    ['HTTP', listeningUrl],
    // The commands below begin with it, too.
    ...(publicUrl === listeningUrl ? [] : [['Links', publicUrl]]),
    ...(hasConsole ? [['Console', `${publicUrl}${CONSOLE}`]] : []),
    ['gRPC', grpcAddress ?? 'off'],
    ['Metrics', metricsUrl ?? 'off'],
    ...places.map((place, index) => [index === 0 ? 'Data' : '', inHome(place)]),
  ]
  const table = rows.map(
    ([name = '', value = '']) => `  ${name.padEnd(NAME_WIDTH)}${styleText('cyan', value)}\n`,
  )
  return `\n${styleText('bold', 'Entrepot')} ${version()} serves. Ctrl-C stops it.\n\n${table.join('')}`
}

/** As shells write it. */
function inHome(place: string): string {
  const home = homedir()
  return home === '/' ? place : place.replace(`${home}/`, '~/')
}

const NAME_WIDTH = 'Metrics  '.length
const CONSOLE = '/console/'

/** As shown by the first start. Kept free of quotes, backslashes and what a shell would expand. */
const TEXT = 'Hello from the harbour.'

export interface Welcome {
  /** The public URL of the server. */
  readonly url: string
  readonly key: string
  /** The command that makes another one. */
  readonly moreKeys: string
  readonly hasConsole: boolean
}

/** What a newcomer sees once: the key, where to sign in with it, and commands that can be pasted as they stand. */
export function welcome({ url, key, moreKeys, hasConsole }: Welcome): string {
  const use = hasConsole ? `Sign in at ${url}${CONSOLE} with this key. It is` : 'This key is'
  return `
${use} not shown again:

${key}

It is an operator’s: it may do everything, and makes other keys, projects and
organizations, as the command line does. A key for a program of yours:

${moreKeys}

Paste these lines into another shell: a file goes in through one API, and comes
out of all.

export URL=${quote(url)}
export KEY=${quote(key)}
export TEXT=${quote(TEXT)}
${greetings}

SDKs take this key and the base URL ${url}
(${url}/v1 where the vendor’s own ends in /v1).
In a browser, ${url} tells the base URL of each,
and leads to the API reference.

`
}

/** The last dialect of the list comes first, because it sets what the others show. */
const greetings = [...allDialects]
  .reverse()
  .map(({ title, greeting }) => `echo ${quote(title)}\n${greeting}`)
  .join('\n')

/** How clients come to trust a certificate that we made. */
export function trustHint(caPath: string): string {
  return `
The certificate is self-signed. Clients have to trust ${caPath}:
  curl --cacert, SSL_CERT_FILE (Python), NODE_EXTRA_CA_CERTS (Node), GRPC_DEFAULT_SSL_ROOTS_FILE_PATH (gRPC)
`
}

import { allDialects } from '../dialects/all.ts'
import { quote } from './next-command.ts'

/** As shown by the first start. Kept free of quotes, backslashes and what a shell would expand. */
const TEXT = 'Hello from the harbour.'

/** What a newcomer sees once: the key, and commands that can be pasted as they stand. */
export function welcome(url: string, key: string, moreKeys: string): string {
  return `
Entrepot is ready. This is an admin key for it; it will not be shown again:

${key}

It may do everything with the files of the project "default", also what is kept for admins. Only the command line
makes keys, projects and organizations. A key for a program of yours:

${moreKeys}

Paste these lines into another shell: a file goes in through one API, and comes out of all.

export URL=${quote(url)}
export KEY=${quote(key)}
export TEXT=${quote(TEXT)}
${greetings}

SDKs: base URL ${url}, or ${url}/v1 where the vendor’s own ends in /v1; and the key above.
API reference: ${url}/docs

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

import { allDialects } from '../dialects/all.ts'
import { quote } from './next-command.ts'

/** As shown by the first start. Kept free of quotes, backslashes and what a shell would expand. */
const TEXT = 'Hello from the harbour.'

/** What a newcomer sees once: the key, and commands that can be pasted as they stand. */
export function welcome(url: string, key: string, moreKeys: string): string {
  return `
Entrepot is ready. This is an admin key for it; it will not be shown again:

${key}

It may do everything with the files of the project "default", also what is kept for admins. Keys, projects and
organizations are made by the command line alone, such as a key for a program of yours:

${moreKeys}

${greetings(url, key).join('\n\n')}

SDKs: base URL ${url} (without /v1 or /api), and the key above. API reference: ${url}/docs

`
}

/** Commands of the first one begin with the variables that all of them use, and programs of README.md find. */
function greetings(url: string, key: string): readonly string[] {
  const variables = `export URL=${quote(url)}\nexport KEY=${quote(key)}\nexport TEXT=${quote(TEXT)}\n`
  return allDialects.map(({ title, greeting }, index) => {
    const commands = greeting.commands(TEXT.length)
    return `${title}: ${greeting.about}:\n\n${index === 0 ? variables : ''}${commands}`
  })
}

/** How clients come to trust a certificate that we made. */
export function trustHint(caPath: string): string {
  return `
The certificate is self-signed. Clients have to trust ${caPath}:
  curl --cacert, SSL_CERT_FILE (Python), NODE_EXTRA_CA_CERTS (Node), GRPC_DEFAULT_SSL_ROOTS_FILE_PATH (gRPC)
`
}

/** As shown by the first start. Kept free of quotes, backslashes and what a shell would expand. */
const TEXT = 'Hello from the harbour.'

const SECOND_DIALECT = `curl -sS "$URL/api/v1/beta/files" -H "Authorization: Bearer $KEY" \\
  -F purpose=user_data -F "file=$TEXT;filename=again.txt;type=text/plain"; echo
curl -sS "$URL/api/v1/beta/files" -H "Authorization: Bearer $KEY"; echo`

const THIRD_DIALECT = `curl -sS "$URL/files/v1/files" -H "Authorization: Api-Key $KEY" \\
  -d "{\\"folderId\\":\\"default\\",\\"content\\":\\"$(printf %s "$TEXT" | base64 | tr -d '\\n')\\"}"; echo`

/** What a newcomer sees once: the key, and commands that can be pasted as they stand. */
export function welcome(url: string, key: string, moreKeys: string): string {
  return `
Entrepot is ready. This is an admin key for it; it will not be shown again:

${key}

It may do everything with the files of the project "default", also what Lightfield keeps for admins. Keys, projects and
organizations are made by the command line alone, such as a key for a program of yours:

${moreKeys}

Lightfield: paste these lines into another shell to put a file in and get it back:

${walkThrough(url, key)}

LlamaCloud: paste these after them to put one more in, and to list both:

${SECOND_DIALECT}

Yandex AI Studio: and a third one:

${THIRD_DIALECT}

SDKs: base URL ${url} (without /v1 or /api), and the key above. API reference: ${url}/docs

`
}

/** How clients come to trust a certificate that we made. */
export function trustHint(caPath: string): string {
  return `
The certificate is self-signed. Clients have to trust ${caPath}:
  curl --cacert, SSL_CERT_FILE (Python), NODE_EXTRA_CA_CERTS (Node), GRPC_DEFAULT_SSL_ROOTS_FILE_PATH (gRPC)
`
}

/** Create, upload, complete, ask for a URL, download: for any POSIX shell, with curl and sed alone. */
export function walkThrough(url: string, key: string): string {
  return `URL=${quote(url)}
KEY=${quote(key)}
TEXT=${quote(TEXT)}
FILE=$(curl -sS "$URL/v1/files" -H "Authorization: Bearer $KEY" -H 'Lightfield-Version: 2026-03-01' \\
  -H 'Content-Type: application/json' -d '{"filename":"hello.txt","mimeType":"text/plain","sizeBytes":${TEXT.length}}')
ID=$(printf '%s\\n' "$FILE" | sed -n 's/.*"id":"\\([^"]*\\)".*/\\1/p')
PUT_URL=$(printf '%s\\n' "$FILE" | sed -n 's/.*"uploadUrl":"\\([^"]*\\)".*/\\1/p')
curl -sS -X PUT "$PUT_URL" -H 'Content-Type: text/plain' --data-binary "$TEXT"
curl -sS "$URL/v1/files/$ID/complete" -H "Authorization: Bearer $KEY" -H 'Lightfield-Version: 2026-03-01' \\
  -H 'Content-Type: application/json' -d '{}'
GET_URL=$(curl -sS "$URL/v1/files/$ID/url" -H "Authorization: Bearer $KEY" -H 'Lightfield-Version: 2026-03-01' \\
  | sed -n 's/.*"url":"\\([^"]*\\)".*/\\1/p')
printf '\\nuploaded:   %s\\ndownloaded: %s\\n' "$TEXT" "$(curl -sS "$GET_URL")"`
}

/** A word of the shell that means exactly this text. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

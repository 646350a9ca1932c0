import type { Dialect } from '../dialect.ts'

/** Create, upload, complete, ask for a URL, download: for any POSIX shell, with curl and sed alone. */
export const greeting: Dialect['greeting'] = {
  about: 'paste these lines into another shell to put a file in and get it back',
  commands: (
    textBytes,
  ) => `FILE=$(curl -sS "$URL/v1/files" -H "Authorization: Bearer $KEY" -H 'Lightfield-Version: 2026-03-01' \\
  -H 'Content-Type: application/json' -d '{"filename":"hello.txt","mimeType":"text/plain","sizeBytes":${textBytes}}')
ID=$(printf '%s\\n' "$FILE" | sed -n 's/.*"id":"\\([^"]*\\)".*/\\1/p')
PUT_URL=$(printf '%s\\n' "$FILE" | sed -n 's/.*"uploadUrl":"\\([^"]*\\)".*/\\1/p')
curl -sS -X PUT "$PUT_URL" -H 'Content-Type: text/plain' --data-binary "$TEXT"
curl -sS "$URL/v1/files/$ID/complete" -H "Authorization: Bearer $KEY" -H 'Lightfield-Version: 2026-03-01' \\
  -H 'Content-Type: application/json' -d '{}'
GET_URL=$(curl -sS "$URL/v1/files/$ID/url" -H "Authorization: Bearer $KEY" -H 'Lightfield-Version: 2026-03-01' \\
  | sed -n 's/.*"url":"\\([^"]*\\)".*/\\1/p')
printf '\\nuploaded:   %s\\ndownloaded: %s\\n' "$TEXT" "$(curl -sS "$GET_URL")"`,
}

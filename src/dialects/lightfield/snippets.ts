import type { Snippets, SnippetTarget } from '../snippets.ts'

/** The vendor has no SDK for JavaScript, and its API deletes no files. */
export function snippets({ id, baseUrl }: SnippetTarget): Snippets {
  const headers = `-H "Authorization: Bearer $KEY" -H 'Lightfield-Version: 2026-03-01'`
  const url = `${baseUrl}/v1/files/${id}`
  return {
    curl: {
      get: `curl -sS "${url}" ${headers}`,
      download: `LINK=$(curl -sS "${url}/url" ${headers} | sed -n 's/.*"url":"\\([^"]*\\)".*/\\1/p')
curl -sS "$LINK" -o download`,
    },
    python: {
      before: `import os
from urllib.request import urlretrieve
from lightfield import Lightfield

client = Lightfield(api_key=os.environ["KEY"], base_url="${baseUrl}")`,
      get: `print(client.file.retrieve(id="${id}"))`,
      download: `urlretrieve(client.file.url(id="${id}").url, "download")`,
    },
    javascript: {
      before: `import { writeFile } from 'node:fs/promises'

const headers = { authorization: \`Bearer \${process.env.KEY}\`, 'lightfield-version': '2026-03-01' }`,
      get: `console.log(await (await fetch('${url}', { headers })).json())`,
      download: `const { url } = await (await fetch('${url}/url', { headers })).json()
await writeFile('download', (await fetch(url)).body)`,
    },
  }
}

import type { Snippets, SnippetTarget } from '../snippets.ts'

/** A download is two requests: the first answers with a URL for the second. */
export function snippets({ id, baseUrl }: SnippetTarget): Snippets {
  const key = '-H "Authorization: Bearer $KEY"'
  const url = `${baseUrl}/api/v1/beta/files/${id}`
  return {
    curl: {
      get: `curl -sS "${url}" ${key}`,
      download: `LINK=$(curl -sS "${url}/content" ${key} | sed -n 's/.*"url":"\\([^"]*\\)".*/\\1/p')
curl -sS "$LINK" -o download`,
      delete: `curl -sS -X DELETE "${url}" ${key}`,
    },
    python: {
      before: `import os
from urllib.request import urlretrieve
from llama_cloud import LlamaCloud

client = LlamaCloud(api_key=os.environ["KEY"], base_url="${baseUrl}")`,
      get: `print(client.files.retrieve("${id}"))`,
      download: `urlretrieve(client.files.content("${id}").url, "download")`,
      delete: `client.files.delete("${id}")`,
    },
    javascript: {
      before: `import { writeFile } from 'node:fs/promises'
import LlamaCloud from '@llamaindex/llama-cloud'

const client = new LlamaCloud({ apiKey: process.env.KEY, baseURL: '${baseUrl}' })`,
      get: `console.log(await client.files.retrieve('${id}'))`,
      download: `const { url } = await client.files.content('${id}')
await writeFile('download', (await fetch(url)).body)`,
      delete: `await client.files.delete('${id}')`,
    },
  }
}

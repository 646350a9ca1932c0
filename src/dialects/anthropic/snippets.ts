import type { Snippets, SnippetTarget } from '../snippets.ts'

export function snippets({ id, baseUrl }: SnippetTarget): Snippets {
  const headers = `-H "x-api-key: $KEY" -H 'anthropic-version: 2023-06-01'`
  return {
    curl: {
      get: `curl -sS "${baseUrl}/v1/files/${id}" ${headers}`,
      download: `curl -sS "${baseUrl}/v1/files/${id}/content" ${headers} -o download`,
      delete: `curl -sS -X DELETE "${baseUrl}/v1/files/${id}" ${headers}`,
    },
    python: {
      before: `import os
from anthropic import Anthropic

client = Anthropic(api_key=os.environ["KEY"], base_url="${baseUrl}")`,
      get: `print(client.files.retrieve_metadata("${id}"))`,
      download: `client.files.download("${id}").write_to_file("download")`,
      delete: `print(client.files.delete("${id}"))`,
    },
    javascript: {
      before: `import { writeFile } from 'node:fs/promises'
import Anthropic from '@anthropic-ai/sdk'

const client = new Anthropic({ apiKey: process.env.KEY, baseURL: '${baseUrl}' })`,
      get: `console.log(await client.files.retrieveMetadata('${id}'))`,
      download: `await writeFile('download', (await client.files.download('${id}')).body)`,
      delete: `console.log(await client.files.delete('${id}'))`,
    },
  }
}

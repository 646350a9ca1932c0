import type { Snippets, SnippetTarget } from '../snippets.ts'

export function snippets({ id, baseUrl }: SnippetTarget): Snippets {
  const key = '-H "Authorization: Bearer $KEY"'
  return {
    curl: {
      get: `curl -sS "${baseUrl}/files/${id}" ${key}`,
      download: `curl -sS "${baseUrl}/files/${id}/content" ${key} -o download`,
      delete: `curl -sS -X DELETE "${baseUrl}/files/${id}" ${key}`,
    },
    python: {
      before: `import os
from openai import OpenAI

client = OpenAI(api_key=os.environ["KEY"], base_url="${baseUrl}")`,
      get: `print(client.files.retrieve("${id}"))`,
      download: `client.files.content("${id}").write_to_file("download")`,
      delete: `print(client.files.delete("${id}"))`,
    },
    javascript: {
      before: `import { writeFile } from 'node:fs/promises'
import OpenAI from 'openai'

const client = new OpenAI({ apiKey: process.env.KEY, baseURL: '${baseUrl}' })`,
      get: `console.log(await client.files.retrieve('${id}'))`,
      download: `await writeFile('download', (await client.files.content('${id}')).body)`,
      delete: `console.log(await client.files.delete('${id}'))`,
    },
  }
}

import type { Snippets, SnippetTarget } from '../snippets.ts'

export function snippets({ id, baseUrl }: SnippetTarget): Snippets {
  const key = '-H "Authorization: Bearer $KEY"'
  return {
    curl: {
      get: `curl -sS "${baseUrl}/v1/files/${id}" ${key}`,
      download: `curl -sS "${baseUrl}/v1/files/${id}/content" ${key} -o download`,
      delete: `curl -sS -X DELETE "${baseUrl}/v1/files/${id}" ${key}`,
    },
    python: {
      before: `import os
from mistralai.client import Mistral

client = Mistral(api_key=os.environ["KEY"], server_url="${baseUrl}")`,
      get: `print(client.files.retrieve(file_id="${id}"))`,
      download: `with open("download", "wb") as file:
    file.write(client.files.download(file_id="${id}").read())`,
      delete: `print(client.files.delete(file_id="${id}"))`,
    },
    javascript: {
      before: `import { writeFile } from 'node:fs/promises'
import { Mistral } from '@mistralai/mistralai'

const client = new Mistral({ apiKey: process.env.KEY, serverURL: '${baseUrl}' })`,
      get: `console.log(await client.files.retrieve({ fileId: '${id}' }))`,
      download: `await writeFile('download', await client.files.download({ fileId: '${id}' }))`,
      delete: `console.log(await client.files.delete({ fileId: '${id}' }))`,
    },
  }
}

import type { Snippets, SnippetTarget } from '../snippets.ts'

/** @param target whose id begins with `files/` */
export function snippets({ id: name, baseUrl }: SnippetTarget): Snippets {
  const key = '-H "x-goog-api-key: $KEY"'
  return {
    curl: {
      get: `curl -sS "${baseUrl}/v1beta/${name}" ${key}`,
      download: `curl -sS "${baseUrl}/v1beta/${name}:download?alt=media" ${key} -o download`,
      delete: `curl -sS -X DELETE "${baseUrl}/v1beta/${name}" ${key}`,
    },
    python: {
      before: `import os
from google import genai

client = genai.Client(api_key=os.environ["KEY"], http_options={"base_url": "${baseUrl}"})`,
      get: `print(client.files.get(name="${name}"))`,
      download: `with open("download", "wb") as file:
    file.write(client.files.download(file="${name}"))`,
      delete: `client.files.delete(name="${name}")`,
    },
    javascript: {
      before: `import { GoogleGenAI } from '@google/genai'

const { files } = new GoogleGenAI({
  apiKey: process.env.KEY,
  httpOptions: { baseUrl: '${baseUrl}' },
})`,
      get: `console.log(await files.get({ name: '${name}' }))`,
      download: `await files.download({ file: '${name}', downloadPath: 'download' })`,
      delete: `await files.delete({ name: '${name}' })`,
    },
  }
}

import type { Calls, Snippets, SnippetTarget } from '../snippets.ts'

/** Where gRPC is. */
export interface Grpc {
  /** `host:port` */
  readonly address: string
  readonly isPlaintext: boolean
}

/** The vendor's SDKs speak gRPC, that for Node over TLS alone. */
export function snippets(target: SnippetTarget, grpc: Grpc | undefined): Snippets {
  return {
    curl: withCurl(target),
    ...(grpc === undefined ? {} : { python: withPython(target, grpc) }),
    javascript: grpc === undefined || grpc.isPlaintext ? withFetch(target) : withNode(target, grpc),
  }
}

function withCurl({ id, baseUrl }: SnippetTarget): Calls {
  const key = '-H "Authorization: Api-Key $KEY"'
  const files = `${baseUrl}/files/v1/files`
  return {
    get: `curl -sS "${files}/${id}" ${key}`,
    download: `LINK=$(curl -sS "${files}:getUrl?fileId=${id}" ${key} | sed -n 's/.*"url":"\\([^"]*\\)".*/\\1/p')
curl -sS "$LINK" -o download`,
    delete: `curl -sS -X DELETE "${files}/${id}" ${key}`,
  }
}

function withPython({ id, projectId }: SnippetTarget, { address, isPlaintext }: Grpc): Calls {
  const plain = isPlaintext ? ', verify=False' : ''
  return {
    before: `import os
from yandex_ai_studio_sdk import AIStudio

sdk = AIStudio(folder_id="${projectId}", auth=os.environ["KEY"], endpoint="${address}"${plain})
file = sdk.files.get("${id}")`,
    get: 'print(file)',
    download: `with open("download", "wb") as output:
    output.write(file.download_as_bytes())`,
    delete: 'file.delete()',
  }
}

function withFetch({ id, baseUrl }: SnippetTarget): Calls {
  const files = `${baseUrl}/files/v1/files`
  return {
    before: `import { writeFile } from 'node:fs/promises'

// Over REST: the SDK for Node speaks gRPC over TLS alone, and this server is asked without TLS.
const headers = { authorization: \`Api-Key \${process.env.KEY}\` }`,
    get: `console.log(await (await fetch('${files}/${id}', { headers })).json())`,
    download: `const { url } = await (await fetch('${files}:getUrl?fileId=${id}', { headers })).json()
await writeFile('download', (await fetch(url)).body)`,
    delete: `console.log(await (await fetch('${files}/${id}', { method: 'DELETE', headers })).json())`,
  }
}

function withNode({ id }: SnippetTarget, { address }: Grpc): Calls {
  return {
    before: `import { writeFile } from 'node:fs/promises'
import { Session } from '@yandex-cloud/nodejs-sdk'
import { fileService } from '@yandex-cloud/nodejs-sdk/ai-files-v1'

const { DeleteFileRequest, FileServiceClient, GetFileRequest, GetFileUrlRequest } = fileService
const session = new Session({ iamToken: process.env.KEY })
const files = session.client(FileServiceClient, '${address}')
const asked = { fileId: '${id}' }`,
    get: 'console.log(await files.get(GetFileRequest.fromPartial(asked)))',
    download: `const { url } = await files.getUrl(GetFileUrlRequest.fromPartial(asked))
await writeFile('download', (await fetch(url)).body)`,
    delete: 'await files.delete(DeleteFileRequest.fromPartial(asked))',
  }
}

import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { Session } from '@yandex-cloud/nodejs-sdk'
import { fileService } from '@yandex-cloud/nodejs-sdk/ai-files-v1'
import { apiEndpointService } from '@yandex-cloud/nodejs-sdk/endpoint'
import { TestServer } from '../harness.ts'
import { withGrpc } from '../yandex-client.ts'

const { CreateFileRequest, DeleteFileRequest, GetFileRequest, GetFileUrlRequest } = fileService
const { ListFilesRequest, UpdateFileRequest } = fileService

/** A file as the SDK shows it. */
export type SdkFile = fileService.ListFilesResponse['files'][number]

/** A server with TLS on both ports, and the vendor's SDK as its users have it. */
export class SdkServer {
  readonly server: TestServer
  readonly #rootCerts: Buffer

  private constructor(server: TestServer, rootCerts: Buffer) {
    this.server = server
    this.#rootCerts = rootCerts
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<SdkServer> {
    const server = await TestServer.start({ ...withGrpc, ENTREPOT_TLS: 'self-signed', ...settings })
    return new SdkServer(server, await readFile(server.app.caPath ?? ''))
  }

  /** Where gRPC is served, by name: of an address, Node does not let the SDK tell the server its name. */
  get address(): string {
    return this.server.grpcAddress.replace('127.0.0.1', 'localhost')
  }

  client(iamToken = this.server.key): YandexSdk {
    return new YandexSdk(this.#session(iamToken).client(fileService.FileServiceClient, this.address))
  }

  /** The SDK's client of discovery. */
  discovery(): YandexDiscovery {
    const { ApiEndpointServiceClient } = apiEndpointService
    return new YandexDiscovery(this.#session('nobody').client(ApiEndpointServiceClient, this.address))
  }

  #session(iamToken: string): Session {
    return new Session({ iamToken, ssl: { rootCerts: this.#rootCerts } })
  }

  /** A GET that trusts the certificate of this server. */
  async fetch(url: string): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { ca: this.#rootCerts, agent: false }, resolve).once('error', reject)
    })
    const body = Buffer.concat(await answer.toArray())
    return { status: answer.statusCode ?? 0, headers: answer.headers, body }
  }

  stop(): Promise<void> {
    return this.server.stop()
  }
}

/** The SDK's client, whose types leave its methods open, with requests of the default folder. */
export class YandexSdk {
  readonly #client: ReturnType<Session['client']>

  constructor(client: ReturnType<Session['client']>) {
    this.#client = client
  }

  async create(
    content: string | Buffer,
    given: Partial<fileService.CreateFileRequest> = {},
  ): Promise<SdkFile> {
    const request = { folderId: 'default', content: Buffer.from(content), ...given }
    return this.#call('create', CreateFileRequest.fromPartial(request))
  }

  async get(fileId: string): Promise<SdkFile> {
    return this.#call('get', GetFileRequest.fromPartial({ fileId }))
  }

  async update(
    fileId: string,
    paths: string[],
    given: Partial<fileService.UpdateFileRequest> = {},
  ): Promise<SdkFile> {
    return this.#call('update', UpdateFileRequest.fromPartial({ fileId, updateMask: { paths }, ...given }))
  }

  async list(pageSize = 0, pageToken = '', folderId = 'default'): Promise<fileService.ListFilesResponse> {
    return this.#call('list', ListFilesRequest.fromPartial({ folderId, pageSize, pageToken }))
  }

  async url(fileId: string): Promise<string> {
    const { url } = await this.#call<fileService.GetFileUrlResponse>(
      'getUrl',
      GetFileUrlRequest.fromPartial({ fileId }),
    )
    return url
  }

  async delete(fileId: string): Promise<void> {
    await this.#call('delete', DeleteFileRequest.fromPartial({ fileId }))
  }

  #call<Answer>(method: string, request: object): Promise<Answer> {
    return callBy(this.#client, method, request)
  }
}

/** The SDK's client of discovery. */
export class YandexDiscovery {
  readonly #client: ReturnType<Session['client']>

  constructor(client: ReturnType<Session['client']>) {
    this.#client = client
  }

  async list(): Promise<readonly { readonly id: string; readonly address: string }[]> {
    const request = apiEndpointService.ListApiEndpointsRequest.fromPartial({})
    const { endpoints } = await callBy<apiEndpointService.ListApiEndpointsResponse>(
      this.#client,
      'list',
      request,
    )
    return endpoints
  }

  async get(apiEndpointId: string): Promise<{ readonly id: string; readonly address: string }> {
    const request = apiEndpointService.GetApiEndpointRequest.fromPartial({ apiEndpointId })
    return callBy(this.#client, 'get', request)
  }
}

function callBy<Answer>(
  client: ReturnType<Session['client']>,
  method: string,
  request: object,
): Promise<Answer> {
  const methods = client as unknown as Record<string, (request: object) => Promise<Answer>>
  const call = methods[method]
  if (call === undefined) throw new Error(`the SDK has no method ${method}`)
  return call.call(client, request)
}

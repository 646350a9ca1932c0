import assert from 'node:assert/strict'
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { Client, credentials, Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js'
import {
  type CreateFileRequestSchema,
  type File,
  FileService,
  type ListFilesRequestSchema,
  type ListFilesResponse,
  type UpdateFileRequestSchema,
} from '../src/dialects/yandex/gen/files_pb.js'
import { pathOf } from '../src/grpc/method.ts'
import type { TestServer } from './harness.ts'

/** How a call ended without an answer. */
export class CallError extends Error {
  readonly code: number
  readonly details: string
  readonly trailers: Metadata

  constructor({ code, details, metadata }: ServiceError) {
    super(details)
    this.code = code
    this.details = details
    this.trailers = metadata
  }
}

/** How a call failed that must not succeed. */
export async function refusalOf(call: Promise<unknown>): Promise<CallError> {
  try {
    await call
  } catch (error) {
    assert.ok(error instanceof CallError)
    return error
  }
  return assert.fail('the call succeeded')
}

export async function codeOf(call: Promise<unknown>): Promise<number> {
  return (await refusalOf(call)).code
}

/** How several calls failed that run at once. */
export async function codesOf(...calls: readonly Promise<unknown>[]): Promise<number[]> {
  return Promise.all(calls.map(codeOf))
}

/** What a test starts a server with that speaks gRPC, too. */
export const withGrpc = { ENTREPOT_GRPC_PORT: '0' } as const

/** A client made from the vendor's messages, over plaintext. */
export class YandexClient {
  readonly #client: Client
  readonly #authorization: string | undefined
  /** The trailers of the latest call. */
  trailers = new Metadata()

  constructor(address: string, authorization: string | undefined, ssl = credentials.createInsecure()) {
    this.#client = new Client(address, ssl, { 'grpc.max_send_message_length': -1 })
    this.#authorization = authorization
  }

  /** The admin's, at the gRPC port of the app. */
  static of(server: TestServer): YandexClient {
    return new YandexClient(server.grpcAddress, `Api-Key ${server.key}`)
  }

  close(): void {
    this.#client.close()
  }

  /** @throws CallError */
  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: { readonly metadata?: Readonly<Record<string, string>>; readonly deadline?: number } = {},
  ): Promise<MessageShape<O>> {
    const bytes = toBinary(method.input, create(method.input, request))
    return fromBinary(method.output, await this.callBytes(pathOf(method), bytes, options))
  }

  async callBytes(
    path: string,
    bytes: Uint8Array,
    {
      metadata = {},
      deadline,
    }: { readonly metadata?: Readonly<Record<string, string>>; readonly deadline?: number } = {},
  ): Promise<Buffer> {
    const entries = new Metadata()
    if (this.#authorization !== undefined) entries.set('authorization', this.#authorization)
    for (const [name, value] of Object.entries(metadata)) entries.set(name, value)
    const asIs = (buffer: Buffer) => buffer
    const options = deadline === undefined ? {} : { deadline }
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        path,
        asIs,
        asIs,
        Buffer.from(bytes),
        entries,
        options,
        (error, answer) => {
          if (error) reject(new CallError(error))
          else if (answer) resolve(answer)
        },
      )
      call.on('status', ({ metadata: trailers }: StatusObject) => {
        this.trailers = trailers
      })
    })
  }

  create(request: MessageInitShape<typeof CreateFileRequestSchema>): Promise<File> {
    return this.call(FileService.method.create, request)
  }

  /** A file of the default folder that is sure to be stored. */
  stored(
    content: string | Uint8Array = 'hello',
    more: MessageInitShape<typeof CreateFileRequestSchema> = {},
  ): Promise<File> {
    return this.create({ folderId: 'default', content: Buffer.from(content), ...more })
  }

  get(fileId: string): Promise<File> {
    return this.call(FileService.method.get, { fileId })
  }

  /** Changes what the paths name. */
  update(
    fileId: string,
    paths: string[],
    values: Pick<
      MessageInitShape<typeof UpdateFileRequestSchema>,
      'name' | 'description' | 'labels' | 'expirationConfig'
    > = {},
  ): Promise<File> {
    const { name = '', description = '', labels = {}, expirationConfig } = values
    const expiration = expirationConfig === undefined ? {} : { expirationConfig }
    const given = { name, description, labels, ...expiration }
    return this.call(FileService.method.update, { ...given, fileId, updateMask: { paths } })
  }

  delete(fileId: string): Promise<unknown> {
    return this.call(FileService.method.delete, { fileId })
  }

  list(request: MessageInitShape<typeof ListFilesRequestSchema> = {}): Promise<ListFilesResponse> {
    return this.call(FileService.method.list, { folderId: 'default', ...request })
  }

  /** Every file of the default folder, as the vendor's SDK reads a listing: up to an empty page. */
  async listAll(pageSize = 0n): Promise<File[]> {
    const all: File[] = []
    for (let pageToken = ''; ; ) {
      const { files, nextPageToken } = await this.list({ pageSize, pageToken })
      if (files.length === 0) return all
      assert.notEqual(nextPageToken, '')
      all.push(...files)
      pageToken = nextPageToken
    }
  }

  async url(fileId: string): Promise<string> {
    return (await this.call(FileService.method.getUrl, { fileId })).url
  }

  async download(fileId: string): Promise<string> {
    const answer = await fetch(await this.url(fileId), { redirect: 'error' })
    assert.equal(answer.status, 200)
    return answer.text()
  }
}

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
import { type CreateFileRequestSchema, type File, FileService } from '../src/dialects/yandex/gen/files_pb.js'
import { pathOf } from '../src/grpc/method.ts'

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

  get(fileId: string): Promise<File> {
    return this.call(FileService.method.get, { fileId })
  }
}

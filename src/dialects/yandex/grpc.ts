import { type DescMessage, toBinary } from '@bufbuild/protobuf'
import { type Access, admit, authenticate, secretIn } from '../../core/access/admit.ts'
import type { Caller } from '../../core/caller.ts'
import type { FairBudget } from '../../core/limits/fair-budget.ts'
import type { Services } from '../../core/services.ts'
import { parseMessage, type RequestMessage } from '../../grpc/message.ts'
import { accountOf, anybody, type GrpcCall, type Method, pathOf, unary } from '../../grpc/method.ts'
import { callerWithoutKey, KEY_REFUSED, KEY_SCHEME } from './anonymous.ts'
import { getEndpoint, listEndpoints } from './discovery.ts'
import { toGrpcFailure } from './errors.ts'
import { ApiEndpointService } from './gen/endpoint_pb.js'
import { CreateFileRequestSchema, FileSchema, FileService } from './gen/files_pb.js'
import { readMessageWithContent } from './message-content.ts'
import * as operations from './operations.ts'

import type { YandexSettings } from './settings.ts'

/** Enough for any request that keeps to the limits of its fields. */
const MAX_MESSAGE_BYTES = 1024 * 1024

/** Every method that the vendor's SDKs call for files, discovery of this server among them. */
export function grpcMethods(
  services: Services,
  memory: FairBudget,
  settings: YandexSettings,
): readonly Method[] {
  const context = { services, memory, settings }
  return [
    createMethod(context),
    bind(context, operations.getFile),
    bind(context, operations.getFileUrl),
    bind(context, operations.updateFile),
    bind(context, operations.deleteFile),
    bind(context, operations.listFiles),
    ...discoveryMethods(settings),
  ]
}

function bind<I extends DescMessage, O extends DescMessage>(
  context: operations.Context,
  { method, asks, run }: operations.Operation<I, O>,
): Method {
  return unary(method, {
    maxMessageBytes: MAX_MESSAGE_BYTES,
    admit: (call) => admitCaller(context, call, asks.access),
    answer: (request, caller) => run(context, caller, request),
    toFailure: toGrpcFailure,
  })
}

/** The one method whose message is large: its content goes to the store as it comes. */
function createMethod(context: operations.Context): Method {
  const { maxFileBytes } = context.settings
  return {
    path: pathOf(FileService.method.create),
    maxMessageBytes: maxFileBytes + MAX_MESSAGE_BYTES,
    // All but the content is short.
    tooLong: () => operations.contentTooLarge(undefined, maxFileBytes),
    toFailure: toGrpcFailure,
    admit: async (call) => {
      const caller = await admitCaller(context, call, operations.creates.access)
      return {
        ...accountOf(caller),
        answer: async function* (message) {
          yield await create(context, call, caller, message)
        },
      }
    },
  }
}

async function create(
  context: operations.Context,
  { signal }: GrpcCall,
  caller: Caller,
  message: RequestMessage,
): Promise<Uint8Array> {
  const { maxFileBytes } = context.settings
  const read: operations.ReadRequest = async (stage, memory) => {
    const rest = await readMessageWithContent(
      message.chunks(),
      memory,
      async (bytes, lengthBytes, before) => {
        if (lengthBytes > maxFileBytes) throw operations.contentTooLarge(lengthBytes, maxFileBytes)
        const { folderId, mimeType } = parseMessage(CreateFileRequestSchema, before)
        const size = { atLeast: lengthBytes, atMost: lengthBytes }
        await stage({ bytes, size, folder: folderId, mimeType })
      },
    )
    return parseMessage(CreateFileRequestSchema, rest)
  }
  return toBinary(FileSchema, await operations.receiveFile(context, caller, read, signal))
}

function discoveryMethods(settings: YandexSettings): Method[] {
  const open = {
    maxMessageBytes: MAX_MESSAGE_BYTES,
    admit: anybody,
    toFailure: toGrpcFailure,
  }
  const { list, get } = ApiEndpointService.method
  return [
    unary(list, {
      ...open,
      answer: (_request, _admitted, { authority }) => listEndpoints(settings, authority),
    }),
    unary(get, {
      ...open,
      answer: ({ apiEndpointId }, _admitted, { authority }) =>
        getEndpoint(settings, authority, apiEndpointId),
    }),
  ]
}

/** As in front of every HTTP route. @throws ServiceError */
async function admitCaller(
  { services, settings }: operations.Context,
  call: GrpcCall,
  access: Access,
): Promise<Caller> {
  const authorization = call.header('authorization')?.trim()
  const caller =
    authorization === undefined
      ? await callerWithoutKey(services, settings, call)
      : await authenticate(services, secretIn(authorization, KEY_SCHEME), KEY_REFUSED)
  await admit(services, caller, access)
  return { ...caller, surface: 'yandex' }
}

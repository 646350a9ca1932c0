import { type Caller, defaultProject } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import type { BodySize } from '../../core/incoming-body.ts'
import type { Holding } from '../../core/limits/fair-budget.ts'
import type { UsageOf } from '../../core/ports/changes.ts'
import { type ReceivedBytes, receive } from '../../core/uploads/receive-bytes.ts'
import { receiveBody } from '../../intake/body.ts'
import { HeadCapture } from '../../intake/head-capture.ts'
import { SNIFF_BYTES, sniffType } from '../../intake/sniff.ts'
import type { CreateFileRequest, File } from './gen/files_pb.js'
import { type Context, contentMissing, createFile, planFile, resolveFolder } from './operations.ts'

/** Bytes that come before the request that they belong to is known as a whole. */
export interface ContentOnItsWay {
  readonly bytes: AsyncIterable<Uint8Array>
  readonly size: BodySize
  /** As far as it was told before the content. */
  readonly folder: unknown
}

/** Reads a request to its end; stages its content on the way, of which the last counts, and charges all else. */
export type ReadRequest = (
  stage: (content: ContentOnItsWay) => Promise<void>,
  memory: Holding,
) => Promise<CreateFileRequest>

/**
 * A Create whose content goes to the store while the rest of it is still to come, fields in whatever order; whatever is
 * wrong, nothing of the file stays.
 * @throws InvalidArgument naming the fields; ServiceError as of `createFile`, `body-incomplete` if nobody waits any more
 */
export async function receiveFile(
  context: Context,
  caller: Caller,
  read: ReadRequest,
  signal?: AbortSignal,
): Promise<File> {
  const { organizationId } = caller
  using memory = context.memory.open(organizationId)
  await using owned = new AsyncDisposableStack()
  let received: ReceivedBytes | undefined
  let head: HeadCapture | undefined
  const request = await read(async ({ bytes, size, folder }) => {
    // Of several contents the last counts.
    await received?.[Symbol.asyncDispose]()
    received = undefined
    if (size.atMost === 0) return
    head = new HeadCapture(bytes, SNIFF_BYTES)
    const plan = { organizationId, size, reserve: await reservation(context, caller, size, folder) }
    const limits = { maxBytes: context.settings.maxFileBytes }
    // The vendor's downloads have the MD5 as their ETag.
    const body = receiveBody(head, limits, { md5: true }, 'kept', context.memory.open(organizationId))
    received = owned.use(await receive(context.services, plan, body))
  }, memory)
  const plan = await planFile(context, caller, request)
  if (received === undefined || head === undefined) throw contentMissing()
  // Who asked for the file would never know its id.
  if (signal?.aborted) throw new ServiceError('body-incomplete', 'The call ended before the file was stored.')
  const sniffedType = await sniffType(head.head, head.directory)
  return await createFile(context, caller, plan, received, sniffedType)
}

/**
 * What is surely needed, on the account of the folder, if that is known by now: one file, and the bytes that surely come.
 * The rest is settled once they are there: an upload that fits is never refused for what it reserved.
 * @throws ServiceError `project-forbidden`
 */
async function reservation(
  { services }: Context,
  caller: Caller,
  { atLeast }: BodySize,
  folder: unknown,
): Promise<UsageOf | undefined> {
  const isNamed = typeof folder === 'string' && folder !== ''
  if (!isNamed && caller.projectIds.length > 1) return undefined
  const projectId = isNamed ? await resolveFolder(services, caller, folder) : defaultProject(caller)
  return { organizationId: caller.organizationId, projectId, files: 1, bytes: atLeast }
}

import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { ServiceError } from '../../core/errors.ts'

const CONTENT_FIELD = 5
/** Of all other fields together: what they may hold by the limits of each takes less. */
const MAX_REST_BYTES = 1024 * 1024
/** Labels and the few others. Each costs time, however small it is. */
const MAX_FIELDS = 1000

export interface SplitMessage {
  /** A view of the message; empty if the field is absent. */
  readonly content: Uint8Array
  /** A `CreateFileRequest` without content. */
  readonly rest: Uint8Array
}

/**
 * Takes the content out of a serialized `CreateFileRequest` without copying it, and sees that what is left is small before
 * it is made into objects.
 * @throws ServiceError `request-malformed`
 */
export function splitContent(message: Uint8Array): SplitMessage {
  const rest: Uint8Array[] = []
  let content: Uint8Array = new Uint8Array()
  let restBytes = 0
  let fields = 0
  const reader = new BinaryReader(message)
  while (reader.pos < reader.len) {
    const start = reader.pos
    if (++fields > MAX_FIELDS) throw malformed('has too many fields')
    if (skipField(reader, (bytes) => (content = bytes))) continue
    rest.push(message.subarray(start, reader.pos))
    restBytes += reader.pos - start
    if (restBytes > MAX_REST_BYTES) throw malformed('is too large beside its content')
  }
  return { content, rest: Buffer.concat(rest) }
}

/** @returns whether it was the content, which is then handed over */
function skipField(reader: BinaryReader, onContent: (bytes: Uint8Array) => void): boolean {
  try {
    const [field, type] = reader.tag()
    if (field !== CONTENT_FIELD || type !== WireType.LengthDelimited) {
      reader.skip(type, field)
      return false
    }
    onContent(reader.bytes())
    return true
  } catch {
    throw malformed('is not valid')
  }
}

function malformed(what: string): ServiceError {
  return new ServiceError('request-malformed', `The message ${what}.`)
}

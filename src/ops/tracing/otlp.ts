import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { Attributes, Span } from './span.ts'

const { LengthDelimited, Varint, Bit32, Bit64 } = WireType
const ERROR = 2
/** Of a span whose parent is known to be, or not to be, of another process; the lowest byte is that of the trace: sampled. */
const FLAGS = { local: 0x101, remote: 0x301 } as const
const NS_PER_MS = 1_000_000

/**
 * `ExportTraceServiceRequest` in protobuf (github.com/open-telemetry/opentelemetry-proto, v1). Field by field, because
 * it is all that we ever write of it.
 */
export function encodeSpans(
  spans: readonly Span[],
  resource: Attributes,
  version: string,
): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter()
  const within = (field: number, write: () => void) => {
    writer.tag(field, LengthDelimited).fork()
    write()
    writer.join()
  }
  const text = (field: number, value: string) => writer.tag(field, LengthDelimited).string(value)
  const bytes = (field: number, hex: string) =>
    writer.tag(field, LengthDelimited).bytes(Buffer.from(hex, 'hex'))
  const attributes = (field: number, of: Attributes) => {
    for (const [name, value] of Object.entries(of))
      within(field, () => {
        text(1, name)
        within(2, () => {
          if (typeof value === 'string') text(1, value)
          else writer.tag(3, Varint).int64(value)
        })
      })
  }
  const time = (field: number, ms: number) =>
    writer.tag(field, Bit64).fixed64(BigInt(Math.round(ms * NS_PER_MS)))
  const writeSpan = (span: Span) => {
    bytes(1, span.traceId)
    bytes(2, span.spanId)
    if (span.traceState !== '') text(3, span.traceState)
    if (span.parentId !== undefined) bytes(4, span.parentId)
    text(5, span.name)
    writer.tag(6, Varint).int32(span.kind)
    time(7, span.startMs)
    time(8, span.endMs)
    attributes(9, span.attributes)
    if (span.isError) within(15, () => writer.tag(3, Varint).int32(ERROR))
    writer.tag(16, Bit32).fixed32(FLAGS[span.isRemotesChild ? 'remote' : 'local'])
  }
  within(1, () => {
    within(1, () => attributes(1, resource))
    within(2, () => {
      within(1, () => {
        text(1, 'entrepot')
        text(2, version)
      })
      for (const span of spans) within(2, () => writeSpan(span))
    })
  })
  return writer.finish()
}

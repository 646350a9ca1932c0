/** Frames of HTTP/2 as clients send them that keep to no library's rules. RFC 9113, 4.1 and 6. */
export const frameTypes = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7 } as const
/** Flags. */
export const [END_STREAM, ACK, END_HEADERS] = [1, 1, 4]

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

export function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, payload])
}

/** What a client sends first. */
export const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(frameTypes.SETTINGS, 0, 0, Buffer.alloc(0)),
])

/** The head of a call in HPACK, without compression (RFC 7541, 6.1 and 6.2.2). */
export function headOf(path: string): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
  const fields = { ':path': path, ':authority': 'a', 'content-type': 'application/grpc', te: 'trailers' }
  const pairs = Object.entries(fields).map(([name, value]) =>
    Buffer.concat([Buffer.from([0]), text(name), text(value)]),
  )
  // `:method: POST` and `:scheme: http` are entries of the static table.
  return Buffer.concat([Buffer.from([0x83, 0x86]), ...pairs])
}

/** The whole frames at the beginning of `bytes`, and what is left of it. */
export function parseFrames(bytes: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = []
  let rest = bytes
  while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
    const end = 9 + rest.readUIntBE(0, 3)
    const [type, flags, streamId] = [rest.readUInt8(3), rest.readUInt8(4), rest.readUInt32BE(5)]
    frames.push({ type, flags, streamId, payload: rest.subarray(9, end) })
    rest = rest.subarray(end)
  }
  return { frames, rest }
}

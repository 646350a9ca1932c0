import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  type Frame,
  frame,
  frameTypes,
  headOf,
  PREFACE,
  parseFrames,
} from './frames.harness.ts'
import { ECHO, startEcho } from './server.harness.ts'

const GRACE_MS = 5000
/** Length and content of a message, behind the flag of compression. */
const MESSAGE = Buffer.from('\0\0\0\0\x05hello')

/** The frames that come. */
async function* received(socket: Socket): AsyncGenerator<Frame> {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket) {
    const { frames, rest } = parseFrames(Buffer.concat([bytes, chunk]))
    yield* frames
    bytes = Buffer.from(rest)
  }
}

function call(streamId: number): Buffer {
  const head = frame(frameTypes.HEADERS, END_HEADERS, streamId, headOf(ECHO))
  return Buffer.concat([head, frame(frameTypes.DATA, END_STREAM, streamId, MESSAGE)])
}

function isAnswer({ type, streamId }: Frame, toStream: number): boolean {
  return type === frameTypes.DATA && streamId === toStream
}

test('a call that is on its way when its idle connection is asked to end is answered', async (t) => {
  const { server } = await startEcho()
  t.after(() => server.stop(0))
  const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(Buffer.concat([PREFACE, call(1)]))
  let stopped: Promise<void> | undefined
  let hasAnswer = false
  let pings = 0
  for await (const one of received(socket)) {
    const isEndOfFirst = one.streamId === 1 && (one.flags & END_STREAM) !== 0
    if (isEndOfFirst) stopped = server.stop(GRACE_MS)
    if (one.type === frameTypes.PING && one.flags !== ACK) {
      // Sent before the client read that it should call no more.
      if (pings++ === 0) socket.write(call(3))
      socket.write(frame(frameTypes.PING, ACK, 0, one.payload))
    }
    if (isAnswer(one, 3)) hasAnswer = true
  }
  await stopped
  assert.ok(hasAnswer)
})

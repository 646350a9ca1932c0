import { after, before, test } from 'node:test'
import { TestServer } from '../harness.ts'
import { loadRecordings, type Recording, titleOf } from '../recordings/recordings.ts'
import { replay } from '../recordings/replay.ts'

/** Tests that what the Python clients of a vendor were recorded to send is answered in a way that they can read. */
export function testPythonClients(dialect: string): void {
  let server: TestServer
  before(async () => {
    server = await TestServer.start()
  })
  after(() => server.stop())

  for (const recording of loadRecordings({ dialect, language: 'python' })) {
    for (const prefix of ['', `/${dialect}`]) {
      test(`${titleOf(recording)}, ${recording.calls.length} calls at ${prefix || 'the root'}`, async () => {
        await replayOn(server, recording, prefix)
      })
    }
  }
}

/** In a project of its own. */
export async function replayOn(server: TestServer, recording: Recording, prefix: string): Promise<void> {
  const { key } = await server.newTenant(`t-${Math.random().toString(36).slice(2)}`)
  await replay(recording, { url: server.url, key, prefix, tick: () => server.clock.advance({ seconds: 1 }) })
}

import { after, before, test } from 'node:test'
import { TestServer } from '../harness.ts'
import { loadRecordings, titleOf } from '../recordings/recordings.ts'
import { replayOn } from './python-clients.ts'

// Every recorded call of the newest version of each client, at the root; the older ones and the prefixes are in the suites.

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

const all = loadRecordings({ language: 'python' })

for (const recording of all) {
  const isNewest = all.every(
    (other) =>
      other.package !== recording.package ||
      Number.parseInt(other.version, 10) <= Number.parseInt(recording.version, 10),
  )
  if (isNewest) test(`${titleOf(recording)} reads each answer`, () => replayOn(server, recording, ''))
}

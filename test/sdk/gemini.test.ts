import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { TestServer } from '../harness.ts'
import { newFolder } from '../new-folder.ts'
import { namesIn, refusal, sdks } from './gemini-sdk.ts'

const MIB = 1024 * 1024

let server: TestServer

before(async () => {
  server = await TestServer.start()
})
after(() => server.stop())

for (const sdk of sdks)
  test(`@google/genai ${sdk.version} uploads in chunks, gets, lists, downloads and deletes`, async () => {
    const { files } = sdk.client(server)
    const bytes = randomBytes(9 * MIB)
    const file = await files.upload({
      file: new Blob([bytes]),
      config: { name: 'smoke', displayName: 'проба.bin', mimeType: 'application/x-own' },
    })
    assert.deepEqual(
      [file.name, file.displayName, file.sizeBytes, file.state],
      ['files/smoke', 'проба.bin', String(bytes.length), 'ACTIVE'],
    )
    assert.deepEqual(await files.get({ name: 'files/smoke' }), { ...file })
    assert.deepEqual(await namesIn(files.list()), ['files/smoke'])
    const downloadPath = join(newFolder('entrepot-gemini-'), 'smoke.bin')
    await files.download({ file, downloadPath })
    assert.deepEqual(await readFile(downloadPath), bytes)
    await files.delete({ name: 'smoke' })
    assert.equal((await refusal(sdk, files.get({ name: 'smoke' }))).status, 403)
  })

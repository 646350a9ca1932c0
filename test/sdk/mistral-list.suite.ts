import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../harness.ts'
import { sdks } from './mistral-sdk.ts'

const FILES = 25

let server: TestServer

before(async () => {
  server = await TestServer.start()
  const client = sdks[0]?.clientOf(server)
  for (let index = 0; index < FILES; index++) {
    const content = new TextEncoder().encode('{}\n')
    const fileName = index % 5 === 0 ? `train ${index}.jsonl` : `Scan ${index}.pdf`
    const purpose = index % 5 === 0 ? (index % 2 === 0 ? 'batch' : 'fine-tune') : 'ocr'
    await client?.files.upload({ file: { fileName, content }, purpose })
    server.clock.advance({ seconds: 1 })
  }
})
after(() => server.stop())

for (const sdk of sdks) {
  const what = (text: string) => `${sdk.version}: ${text}`
  type Query = NonNullable<Parameters<ReturnType<typeof sdk.clientOf>['files']['list']>[0]>

  const names = async (query: Query) => {
    const { data } = await sdk.clientOf(server).files.list(query)
    return data.map(({ filename }) => filename)
  }

  test(what('a list without an argument has all files, the newest first'), async () => {
    const { object, data, total } = await sdk.clientOf(server).files.list()
    assert.deepEqual([object, data.length, total], ['list', FILES, FILES])
    assert.deepEqual([data[0]?.filename, data.at(-1)?.filename], ['Scan 24.pdf', 'train 0.jsonl'])
  })

  test(what('pages lead to the total, each file once'), async () => {
    const { files } = sdk.clientOf(server)
    const seen: string[] = []
    let total = Number.POSITIVE_INFINITY
    for (let page = 0; seen.length < total; page++) {
      const found = await files.list({ page, pageSize: 7 })
      total = found.total ?? Number.NaN
      seen.push(...found.data.map(({ id }) => id))
    }
    assert.deepEqual([new Set(seen).size, total], [FILES, FILES])
    assert.deepEqual((await files.list({ page: 4, pageSize: 7 })).data, [])
  })

  test(what('each filter finds what is printed'), async () => {
    assert.deepEqual(await names({ purpose: 'batch' }), ['train 20.jsonl', 'train 10.jsonl', 'train 0.jsonl'])
    assert.deepEqual(await names({ sampleType: ['instruct'] }), ['train 15.jsonl', 'train 5.jsonl'])
    assert.equal((await names({ sampleType: ['instruct', 'batch_request'] })).length, 5)
    assert.equal((await names({ source: ['upload', 'mistral'] })).length, FILES)
    assert.deepEqual(await names({ source: ['mistral', 'repository'] }), [])
    assert.deepEqual(await names({ search: 'SCAN 1' }), [
      ...[19, 18, 17, 16, 14, 13, 12, 11].map((index) => `Scan ${index}.pdf`),
      'Scan 1.pdf',
    ])
    assert.deepEqual(await names({ search: 'a b&c' }), [])
    assert.deepEqual(await names({ purpose: 'ocr', search: '.jsonl' }), [])
  })

  if (!sdk.isNew) continue

  test(
    what('types filter the list, exactly or all of a kind, and the total is told only if asked for'),
    async () => {
      assert.equal((await names({ mimetypes: ['application/pdf'] })).length, 20)
      assert.equal((await names({ mimetypes: ['application/*'] })).length, FILES)
      assert.equal((await names({ mimetypes: ['image/*', 'text/plain'] })).length, 0)
      const { files } = sdk.clientOf(server)
      assert.equal((await files.list({ includeTotal: false })).total, null)
      assert.equal((await files.list({ purpose: 'ocr', pageSize: 1 })).total, 20)
    },
  )
}

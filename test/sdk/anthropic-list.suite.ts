import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../harness.ts'
import { type SdkPage, type Way, ways } from './anthropic-sdk.ts'
import { collect, idsOf } from './llamacloud-sdk.ts'

const FILES = 25

let server: TestServer
/** Newest first. */
let ids: readonly string[]

before(async () => {
  server = await TestServer.start()
  const [way] = ways as [Way, ...Way[]]
  const files = way.open(server)
  const made: string[] = []
  for (let index = 0; index < FILES; index++) {
    made.unshift((await files.upload({ file: await way.toFile(Buffer.from(`${index}`), `${index}.txt`) })).id)
    // Some of one moment.
    if (index % 3 === 0) server.clock.advance({ ms: 1 })
  }
  const { data } = await files.list({ limit: 1000 })
  ids = idsOf(data)
  assert.deepEqual(ids.toSorted(), made.toSorted())
})
after(() => server.stop())

async function pagesOf(page: PromiseLike<SdkPage>): Promise<string[][]> {
  const pages: string[][] = []
  for await (const { data } of (await page).iterPages()) pages.push(idsOf(data))
  return pages
}

function slices(size: number): string[][] {
  return Array.from(
    { length: Math.ceil(FILES / size) },
    (_, at) => ids.slice(at * size, (at + 1) * size) as string[],
  )
}

for (const way of ways) {
  test(`${way.name}: pages of any size come to the end, newest first`, async () => {
    const files = way.open(server)
    for (const limit of [1, 7, 24, 25, 26, 1000])
      assert.deepEqual(await pagesOf(files.list({ limit })), slices(limit), String(limit))
    assert.deepEqual(await pagesOf(files.list()), slices(20))
    assert.deepEqual(idsOf(await collect(files.list({ limit: 3 }))), ids)
  })

  test(`${way.name}: a file that is deleted while its page is the last one loses no other`, async () => {
    const { key } = await server.newTenant(`deleting by ${way.name}`)
    const files = way.open({ url: server.url, key })
    for (let index = 0; index < 9; index++)
      await files.upload({ file: await way.toFile(Buffer.from('x'), 'x.txt') })
    let seen = 0
    for await (const { id } of files.list({ limit: 2 })) {
      seen += 1
      await files.delete(id)
    }
    assert.equal(seen, 9)
    assert.deepEqual((await files.list()).data, [])
  })

  test(`${way.name}: ids are looked up on one page`, async (t) => {
    if (way.name.includes('0.71.2')) return t.skip('only newer SDKs send lists')
    const files = way.open(server)
    const [newest, , third] = ids
    const asked = [third, newest, newest, 'file_unknown']
    assert.deepEqual(await pagesOf(files.list({ ids: asked })), [[newest, third]])
    assert.deepEqual(await pagesOf(files.list({ ids: null, limit: 1000 })), [ids])
    assert.deepEqual(await pagesOf(files.list({ ids: [], limit: 1000 })), [ids])
  })
}

test('0.71.2 walks backwards from an id, and forwards from one', async () => {
  const files = (ways.at(-1) as Way).open(server)
  const before = await pagesOf(files.list({ limit: 10, before_id: ids[24] }))
  assert.deepEqual(before, [ids.slice(14, 24), ids.slice(4, 14), ids.slice(0, 4)])
  const after = await pagesOf(files.list({ limit: 10, after_id: ids[4] }))
  assert.deepEqual(after, [ids.slice(5, 15), ids.slice(15, 25)])
})

test('null stands for what is not given', async () => {
  const files = (ways[0] as Way).open(server)
  assert.deepEqual(idsOf((await files.list({ page: null, ids: null, limit: 1000 })).data), ids)
})

test('with strict fidelity the beta’s own pages come to the end', async () => {
  const key = await server.newKey({ fidelity: 'strict' })
  const files = (ways.at(-1) as Way).open({ url: server.url, key })
  assert.deepEqual(await pagesOf(files.list({ limit: 7 })), slices(7))
})

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { TestServer } from './harness.ts'
import { LlamaCloudClient, type PageBody } from './llamacloud-client.ts'
import { newDatabase, query } from './postgres.ts'
import { runJobs } from './run-jobs.ts'
import { YandexRest } from './yandex-rest.ts'

const COMPOSED = 'r\u00e9sum\u00e9 \ud55c\uae00.pdf'
const DECOMPOSED = COMPOSED.normalize('NFD')
const spellings = [COMPOSED, DECOMPOSED, 're\u0301sum\u00e9 \ud55c\uae00.pdf']

/** One statement beside the server, as a server of the release before would make it. */
async function sideStatement({ dataDir, databaseUrl }: TestServer, text: string): Promise<void> {
  if (databaseUrl !== undefined) {
    await query(databaseUrl, text)
    return
  }
  const db = new DatabaseSync(join(dataDir, 'entrepot.db'))
  db.exec(text)
  db.close()
}

/** The ids of the files that a filter finds, page by page, and that their number is told. */
async function idsOf(client: LlamaCloudClient, name: string): Promise<string[]> {
  const ids: string[] = []
  for (let token = ''; ; ) {
    const paged = token === '' ? '' : `&page_token=${encodeURIComponent(token)}`
    const { body } = await client.get<PageBody>(
      `?file_name=${encodeURIComponent(name)}&page_size=1&order_by=name${paged}`,
    )
    ids.push(...body.items.map(({ id }) => id))
    if (body.next_page_token === null) return ids.sort()
    token = body.next_page_token
  }
}

const stores = {
  SQLite: async () => ({}),
  PostgreSQL: async () => ({ ENTREPOT_DATABASE_URL: await newDatabase() }),
}

for (const [name, settings] of Object.entries(stores))
  describe(`files are found by name on ${name}`, async () => {
    const start = async () => {
      const server = await TestServer.start(await settings())
      return { server, client: new LlamaCloudClient(server), yandex: new YandexRest(server) }
    }

    test('in every spelling, whoever brought or renamed them', async (t) => {
      const { server, client, yandex } = await start()
      t.after(() => server.stop())
      const ids: string[] = []
      for (const spelling of spellings) ids.push((await client.stored('x', spelling)).id)
      await client.stored('x', 'resume \ud55c\uae00.pdf')
      const renamed = await yandex.stored('x', { name: 'other' })
      await yandex.update(renamed.id, { updateMask: 'name', name: DECOMPOSED })
      const { body } = await client.query({ filter: { file_name: DECOMPOSED } })
      assert.equal(body.items.length, 4)
      ids.push(...body.items.map(({ id }) => id).filter((id) => !ids.includes(id)))
      for (const spelling of spellings) assert.deepEqual(await idsOf(client, spelling), ids.toSorted())
      const names = new Set(body.items.map((file) => file.name))
      assert.deepEqual(names, new Set(spellings), 'a name is kept as it was sent')
      await client.delete(ids[0] as string)
      assert.deepEqual(await idsOf(client, COMPOSED), ids.slice(1).sort())
      assert.deepEqual(await idsOf(client, 'other'), [])
    })

    test('in every spelling also after a job has caught up with an older release', async (t) => {
      const { server, client } = await start()
      t.after(() => server.stop())
      const ids: string[] = []
      for (const spelling of spellings) ids.push((await client.stored('x', spelling)).id)
      await sideStatement(server, 'update files set normal_name = null')
      await runJobs(server)
      for (const spelling of spellings) assert.deepEqual(await idsOf(client, spelling), ids.toSorted())
    })
  })

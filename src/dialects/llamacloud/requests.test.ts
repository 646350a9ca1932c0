import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import {
  assertKeeps,
  detailOf,
  FILES,
  filePart,
  LlamaCloudClient,
  type PageBody,
  problemsOf,
  purposePart,
} from '../../../test/llamacloud-client.ts'
import type { FileBody } from './wire.ts'

const UNKNOWN = 'dfl-00000000-0000-7000-8000-000000000000'
const JSON_TYPE = { 'content-type': 'application/json' }

let server: TestServer
let client: LlamaCloudClient

before(async () => {
  server = await TestServer.start()
  client = new LlamaCloudClient(server)
})
after(() => server.stop())

test('a query that is too large, too deep or of another kind is refused', async () => {
  const large = await client.send('POST', `${FILES}/query`, `"${'x'.repeat(1024 * 1024)}"`, JSON_TYPE)
  assert.deepEqual([large.status, detailOf(large)], [413, 'The body exceeds the maximum of 1048576 bytes.'])
  const deep = await client.send(
    'POST',
    `${FILES}/query`,
    '['.repeat(100_000) + ']'.repeat(100_000),
    JSON_TYPE,
  )
  assert.ok([400, 422].includes(deep.status))
  for (const body of [null, [], 'x', 1, true]) {
    const answer = await client.query(body)
    assert.deepEqual([answer.status, problemsOf(answer)], [422, ['body model_attributes_type']])
  }
  assert.equal(
    (await client.send('POST', `${FILES}/query`, '{"__proto__":{"filter":1}}', JSON_TYPE)).status,
    400,
  )
  // No body is no filter.
  assert.equal((await client.send('POST', `${FILES}/query`)).status, 200)
  assert.equal((await client.send('POST', `${FILES}/query`, '', JSON_TYPE)).status, 200)
})

test('all problems of a list are told at once, each with its place', async () => {
  const query = '?page_size=5000&file_ids=abc&file_ids=dfl-1&order_by=size&page_token=x'
  const answer = await client.get(query)
  assert.equal(answer.status, 422)
  assert.deepEqual(problemsOf(answer).toSorted(), [
    'query.file_ids.0 uuid_parsing',
    'query.file_ids.1 uuid_parsing',
    'query.order_by value_error',
    'query.page_size less_than_equal',
    'query.page_token value_error',
  ])
  assert.deepEqual(detailOf(await client.get('?page_size=5000')), [
    {
      type: 'less_than_equal',
      loc: ['query', 'page_size'],
      msg: 'Input should be less than or equal to 1000',
      input: '5000',
      ctx: { le: 1000 },
    },
  ])
})

test('all problems of a query are told at once, each with its place', async () => {
  const filter = {
    file_ids: ['x', 7, null],
    file_name: ['a'],
    external_file_id: { $ne: 1 },
    only_manually_uploaded: 'yes',
    data_source_id: 1,
    project_id: false,
  }
  const answer = await client.query({ filter, page_size: '10x', order_by: 1, page_token: [] })
  assert.equal(answer.status, 422)
  assert.deepEqual(problemsOf(answer).toSorted(), [
    'body.filter.data_source_id string_type',
    'body.filter.external_file_id string_type',
    'body.filter.file_ids.0 uuid_parsing',
    'body.filter.file_ids.1 uuid_parsing',
    'body.filter.file_ids.2 uuid_parsing',
    'body.filter.file_name string_type',
    'body.filter.only_manually_uploaded bool_type',
    'body.filter.project_id string_type',
    'body.order_by string_type',
    'body.page_size int_parsing',
    'body.page_token string_type',
  ])
  const halves = { file_name: 'a\ud800', external_file_id: '\udc00', project_id: '\ud800' }
  assert.deepEqual(problemsOf(await client.query({ filter: halves })), [
    'body.filter.file_name string_unicode',
    'body.filter.external_file_id string_unicode',
    'body.filter.project_id string_unicode',
  ])
  const noObject = await client.query({ filter: 'x' })
  assert.deepEqual(problemsOf(noObject), ['body.filter model_attributes_type'])
})

test('a path that names no id is refused by it, however long it is', async () => {
  for (const id of ['x', 'x'.repeat(200), 'x'.repeat(600), 'x'.repeat(20_000)]) {
    for (const path of [FILES, '/api/v1/files']) {
      for (const [method, rest] of [
        ['GET', ''],
        ['GET', '/content'],
        ['DELETE', ''],
      ] as const) {
        const answer = await client.send(method, `${path}/${id}${rest}`)
        assert.deepEqual([answer.status, problemsOf(answer)], [422, ['path.file_id uuid_parsing']])
      }
    }
  }
})

test('numbers that are none are refused, wherever they stand', async () => {
  for (const [value, type] of [
    ['abc', 'int_parsing'],
    ['1e3', 'int_parsing'],
    ['1.5', 'int_parsing'],
    ['0x10', 'int_parsing'],
    ['0', 'greater_than_equal'],
    ['-1', 'greater_than_equal'],
    ['999999999999', 'less_than_equal'],
  ] as const)
    assert.deepEqual(problemsOf(await client.get(`?page_size=${value}`)), [`query.page_size ${type}`])
  assert.deepEqual(problemsOf(await client.get('?page_size=1&page_size=2')), ['query.page_size int_type'])
  assert.deepEqual(problemsOf(await client.get('/abc/content?expires_at_seconds=0')), [
    'path.file_id uuid_parsing',
    'query.expires_at_seconds greater_than_equal',
  ])
  assert.equal((await client.query({ filter: { file_ids: Array(1000).fill(UNKNOWN) } })).status, 200)
  const tooMany = await client.query({ filter: { file_ids: Array(1001).fill(UNKNOWN) } })
  assert.deepEqual(problemsOf(tooMany), ['body.filter.file_ids too_long'])
})

test('an external id is any text, kept as sent; an empty one is none', async (t) => {
  const texts = ['a/b c', 'отчёт 📄', '  ', 'line\r\nline', "' or 1=1 --", '%_', 'x'.repeat(64 * 1024)]
  const own = await TestServer.start()
  t.after(() => own.stop())
  const files = new LlamaCloudClient(own)
  for (const text of texts) {
    const { id, external_file_id } = await files.stored('x', 'x.txt', { external_file_id: text })
    assert.equal(external_file_id, text)
    assert.equal((await files.get<FileBody>(`/${id}`)).body.external_file_id, text)
    const { body } = await files.query({ filter: { external_file_id: text } })
    assert.deepEqual(
      body.items.map((file) => file.id),
      [id],
    )
  }
  assert.equal((await files.stored('x', 'x.txt', { external_file_id: '' })).external_file_id, null)
  const field = { name: 'external_file_id', content: 'a\0b' }
  const refused = await files.upload([filePart(), purposePart(), field])
  assert.deepEqual([refused.status, problemsOf(refused)], [422, ['body.external_file_id value_error']])
  await assertKeeps(own, texts.length + 1)
})

test('an empty value in the query is none, plus and %20 are both a space', async (t) => {
  const { id } = await client.stored('x', 'q3 + report.txt')
  t.after(() => client.delete(id))
  const empty =
    '?page_size=&page_token=&file_ids=&file_name=&external_file_id=&order_by=&expand=&project_id=&organization_id='
  const listed = await client.get<{ items: unknown[]; total_size: unknown }>(empty)
  assert.deepEqual([listed.status, listed.body.items.length, listed.body.total_size], [200, 1, null])
  for (const name of ['q3+%2B+report.txt', 'q3%20%2b%20report.txt', 'q3+%2B%20report%2Etxt']) {
    const { body } = await client.get<{ items: unknown[] }>(`?file_name=${name}`)
    assert.equal(body.items.length, 1)
  }
  assert.equal((await client.get(`/${id}/content?expires_at_seconds=`)).status, 200)
  assert.equal((await client.get(`/${id}?expand=&unknown=x`)).status, 200)
})

test('a list may be written with brackets, and is never taken for no filter', async () => {
  const [first, second] = [await client.stored(), await client.stored()]
  await client.stored()
  const listed = async (query: string) => {
    const { status, body } = await client.get<PageBody>(query)
    assert.equal(status, 200, query)
    return body.items.map(({ id }) => id).toSorted()
  }
  const [one, two] = [first.id, second.id].toSorted() as [string, string]
  for (const key of ['file_ids', 'file_ids[]', 'file_ids%5B%5D', 'file_ids[0]', 'file_ids[17]']) {
    assert.deepEqual(await listed(`?${key}=${one}`), [one], key)
    assert.deepEqual(await listed(`?${key}=${one}&${key}=${two}`), [one, two], key)
    assert.deepEqual(await listed(`?${key}=${UNKNOWN}`), [], key)
    assert.deepEqual(problemsOf(await client.get(`?${key}=x`)), ['query.file_ids.0 uuid_parsing'])
  }
  assert.deepEqual(await listed(`?file_ids[0]=${one}&file_ids[1]=${two}`), [one, two])
  assert.deepEqual(await listed(`?file_ids=${one}&file_ids[]=${two}`), [one, two])
  const { body } = await client.get<PageBody>(`?file_ids[]=${one}&expand[]=download_url`)
  assert.ok(body.items[0]?.download_url)
})

test('a list written in a form that is not understood is refused by its name, and never lists everything', async () => {
  for (const form of ['[x]', '[][]', '[0][]', '.0', '.', '[', '[0', '[-1]', '[ ]', '[]x']) {
    for (const name of ['file_ids', 'expand']) {
      const { status, body } = await client.get(`?${encodeURIComponent(name + form)}=${UNKNOWN}`)
      assert.deepEqual([status, body], [422, { detail: [refusedKey(name, form)] }])
    }
  }
  const filter = { 'file_ids[x]': UNKNOWN }
  assert.deepEqual(problemsOf(await client.query({ filter })), ['body.filter.file_ids[x] extra_forbidden'])
  assert.equal((await client.get(`?file_idsx=${UNKNOWN}`)).status, 200)
})

function refusedKey(name: string, form: string) {
  const msg = `A list is written as ${name}, ${name}[] or ${name}[0]`
  return { type: 'extra_forbidden', loc: ['query', name + form], msg, input: UNKNOWN }
}

test('a query may name as many ids as a filter takes', async () => {
  const { id } = await client.stored()
  for (const [count, key] of [
    [400, 'file_ids'],
    [400, 'file_ids%5B%5D'],
    [1000, 'file_ids'],
  ] as const) {
    const ids = [...Array(count - 1).fill(UNKNOWN), id]
    const { status, body } = await client.get<PageBody>(`?${ids.map((each) => `${key}=${each}`).join('&')}`)
    assert.deepEqual([status, body.items?.map((file) => file.id)], [200, [id]])
  }
})

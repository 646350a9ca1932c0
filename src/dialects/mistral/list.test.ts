import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { filePart, LlamaCloudClient, purposePart } from '../../../test/llamacloud-client.ts'
import { MistralClient, placesOf } from '../../../test/mistral-client.ts'
import { YandexRest } from '../../../test/yandex-rest.ts'

let server: TestServer
let client: MistralClient

/** In the order of their making; the last two come through dialects that have no such purpose, or none at all. */
const files: readonly (readonly [name: string, purpose: string | undefined, type: string])[] = [
  ['train.jsonl', undefined, 'application/jsonl'],
  ['requests.jsonl', 'batch', 'application/jsonl'],
  ['Scan Übersicht.pdf', 'ocr', 'application/pdf'],
  ['photo.png', undefined, 'image/png'],
  ['talk.mp3', 'audio', 'audio/mpeg'],
  ['safety.txt', 'agentic_safety', 'text/plain'],
]

before(async () => {
  server = await TestServer.start()
  client = new MistralClient(server)
  for (const [name, purpose, type] of files) {
    const parts = purpose === undefined ? [] : [{ name: 'purpose', content: purpose }]
    const { status } = await client.upload([{ ...filePart('x', name), type }, ...parts])
    assert.equal(status, 200)
    server.clock.advance({ seconds: 1 })
  }
  const llama = new LlamaCloudClient(server)
  const parsed = { ...filePart('x', 'parsed.jsonl'), type: 'application/jsonl' }
  await llama.upload([purposePart('parse'), parsed])
  server.clock.advance({ seconds: 1 })
  await new YandexRest(server).stored('x', { name: 'yandex.JSONL', mimeType: 'application/jsonl' })
})
after(() => server.stop())

const newestFirst = ['yandex.JSONL', 'parsed.jsonl', ...files.map(([name]) => name).reverse()]

test('a list without a query has all, the newest first, with their number', async () => {
  const { object, data, total } = await client.list()
  assert.deepEqual(
    data.map(({ filename }) => filename),
    newestFirst,
  )
  assert.deepEqual([object, total], ['list', newestFirst.length])
})

test('pages follow each other by number, and the total tells where they end', async () => {
  const seen: string[] = []
  for (let page = 0; ; page++) {
    const { data, total } = await client.list(`?include_total=true&page=${page}&page_size=3`)
    assert.equal(total, newestFirst.length)
    if (data.length === 0) break
    seen.push(...data.map(({ filename }) => filename))
  }
  assert.deepEqual(seen, newestFirst)
  const untold = await client.list('?include_total=false&page_size=1')
  assert.deepEqual([untold.data.length, untold.total], [1, null])
  assert.deepEqual((await client.list('?page=2147483647&page_size=1000')).data, [])
})

test('a filter finds what is printed', async () => {
  const { data } = await client.list()
  const purposes = new Set(data.map(({ purpose }) => purpose))
  assert.deepEqual(
    [...purposes].sort(),
    ['agentic_safety', 'audio', 'batch', 'fine-tune', 'ocr', 'parse'].sort(),
  )
  for (const purpose of purposes) {
    const shown = data.filter((file) => file.purpose === purpose).map(({ filename }) => filename)
    assert.deepEqual(await client.names(`?purpose=${purpose}`), shown, purpose)
  }
  const samples = new Set(data.map(({ sample_type }) => sample_type))
  assert.deepEqual([...samples].sort(), ['audio', 'batch_request', 'instruct', 'ocr_input'])
  for (const sample of samples) {
    const shown = data.filter((file) => file.sample_type === sample).map(({ filename }) => filename)
    assert.deepEqual(await client.names(`?sample_type=${sample}`), shown, sample)
  }
})

test('filters are repeated keys, of which any may fit, and all filters have to', async () => {
  assert.deepEqual(await client.names('?sample_type=instruct&sample_type=audio'), [
    'yandex.JSONL',
    'talk.mp3',
    'train.jsonl',
  ])
  assert.deepEqual(await client.names('?mimetypes=application%2Fpdf&mimetypes=image%2F*'), [
    'photo.png',
    'Scan Übersicht.pdf',
  ])
  assert.deepEqual(await client.names('?mimetypes=application%2Fjsonl&purpose=batch'), ['requests.jsonl'])
  assert.equal((await client.names('?source=upload&source=mistral')).length, newestFirst.length)
  const none = [
    'source=mistral',
    'purpose=batch&sample_type=instruct',
    'sample_type=batch_error',
    'purpose=x',
  ]
  for (const query of none) {
    const { data, total } = await client.list(`?${query}`)
    assert.deepEqual([data, total], [[], 0], query)
    assert.equal((await client.list(`?${query}&include_total=false`)).total, null)
  }
})

test('search finds a part of the name, whatever the case of its letters', async () => {
  assert.deepEqual(await client.names('?search=SCAN'), ['Scan Übersicht.pdf'])
  assert.deepEqual(await client.names('?search=n%20%C3%BCber'), ['Scan Übersicht.pdf'])
  assert.deepEqual(await client.names('?search=.JSONL&purpose=fine-tune'), ['yandex.JSONL', 'train.jsonl'])
  assert.deepEqual(await client.names('?search=%25'), [])
})

test('a query that is wrong is told in each of its fields', async () => {
  const query = '?page=-1&page_size=1001&include_total=maybe&sample_type=instruct&sample_type=x&source=y'
  const places = placesOf(await client.get(query))
  assert.deepEqual(places, [
    'query.page greater_than_equal',
    'query.page_size less_than_equal',
    'query.include_total bool_parsing',
    'query.sample_type.1 enum',
    'query.source.0 enum',
  ])
  assert.deepEqual(placesOf(await client.get('?mimetypes=%00&search=a%00')), [
    'query.mimetypes.0 value_error',
    'query.search value_error',
  ])
  assert.deepEqual(placesOf(await client.get(`?mimetypes=a/b${',a/b'.repeat(100)}`)), [
    'query.mimetypes too_long',
  ])
  assert.deepEqual(placesOf(await client.get('?page_size=0')), ['query.page_size greater_than_equal'])
  assert.deepEqual(placesOf(await client.get('?page=x')), ['query.page int_parsing'])
  assert.deepEqual((await client.get<{ detail: unknown }>('?page=x')).body.detail, [
    {
      type: 'int_parsing',
      loc: ['query', 'page'],
      msg: 'Input should be a valid integer, unable to parse string as an integer',
      input: 'x',
    },
  ])
})

test('a file that another dialect made is shown whole, its lines uncounted and its MD5 on retrieve', async () => {
  const { data } = await client.list('?search=parsed')
  const [parsed] = data
  assert.ok(parsed)
  assert.deepEqual([parsed.num_lines, parsed.signature, parsed.purpose], [null, null, 'parse'])
  const { body } = await client.get(`/${parsed.id}`)
  assert.equal(body.signature, '9dd4e461268c8034f5c8564e155c67a6')
})

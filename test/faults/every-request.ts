import type { TestServer } from '../harness.ts'
import { type Answer, exchange, LightfieldClient, putBytes } from '../lightfield-client.ts'
import { filePart, LlamaCloudClient, purposePart } from '../llamacloud-client.ts'
import { head, patch, TUS, TusClient } from '../tus-client.ts'
import { YandexRest } from '../yandex-rest.ts'

/** What a request needs. */
export type Need = 'rows' | 'bytes'

export interface PreparedRequest {
  readonly name: string
  readonly needs: readonly Need[]
  send(): Promise<Answer<unknown>>
}

/** A request of each kind, over every dialect and on links; each would succeed now. */
export async function prepareEveryRequest(server: TestServer): Promise<readonly PreparedRequest[]> {
  const field = new LightfieldClient(server)
  const llama = new LlamaCloudClient(server)
  const yandex = new YandexRest(server)
  const [stored, doomed, other] = [await field.stored(), await llama.stored(), await yandex.stored()]
  const [pending, staged, toCancel] = [await field.pending(), await field.staged(), await field.pending()]
  const link = await field.link(stored.id)
  const tus = new TusClient(server)
  const [asked, begun, toEnd] = [await tus.created(10), await tus.created(10), await tus.created(10)]
  const idempotently = { 'idempotency-key': 'sent while something is away' }
  const rows = (name: string, send: PreparedRequest['send']) => ({ name, needs: ['rows'] as const, send })
  const both = (name: string, send: PreparedRequest['send']) =>
    ({ name, needs: ['rows', 'bytes'] as const, send }) satisfies PreparedRequest
  return [
    rows('Lightfield list', () => field.list()),
    rows('Lightfield retrieve', () => field.retrieve(stored.id)),
    rows('Lightfield create', () => field.create()),
    rows('Lightfield create with a key', () => field.create({}, idempotently)),
    rows('Lightfield complete', () => field.complete(staged.id)),
    rows('Lightfield cancel', () => field.cancel(toCancel.id)),
    rows('Lightfield url', () => field.url(stored.id)),
    both('a PUT on a link', () => putBytes(pending)),
    both('a GET of a link', () => exchange('GET', link)),
    rows('tus create', () => tus.create({ 'upload-length': '10' })),
    rows('tus HEAD', () => head(asked)),
    both('tus PATCH', () => patch(begun, 0, 'hello')),
    rows('tus DELETE', () => exchange('DELETE', toEnd, undefined, TUS)),
    rows('LlamaCloud query', () => llama.query()),
    both('LlamaCloud upload', () => llama.upload([purposePart(), filePart()])),
    rows('LlamaCloud delete', () => llama.delete(doomed.id)),
    rows('Yandex list', () => yandex.list()),
    rows('Yandex get', () => yandex.get(other.id)),
    rows('Yandex update', () => yandex.update(other.id, { updateMask: 'name', name: 'other.txt' })),
    both('Yandex create', () => yandex.create()),
  ]
}

/** An answer, and how long it took. */
export interface Timed {
  readonly name: string
  readonly answer: Answer<unknown>
  readonly seconds: number
}

/** All at once. */
export function sendAll(requests: readonly PreparedRequest[]): Promise<readonly Timed[]> {
  return Promise.all(
    requests.map(async ({ name, send }) => {
      const begin = performance.now()
      const answer = await send()
      return { name, answer, seconds: (performance.now() - begin) / 1000 }
    }),
  )
}

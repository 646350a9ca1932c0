import assert from 'node:assert/strict'
import { Errors } from 'typebox/schema'
import { type readAnswer, sendRaw } from '../raw-http.ts'
import { bytesOf, type RecordedRequest, type Recording } from './recordings.ts'

export interface ReplayTarget {
  /** Of the server. */
  readonly url: string
  readonly key: string
  /** Put before every path, `/openai`; empty at the root. */
  readonly prefix: string
  /** Called before each call: what is created at one moment has no order. */
  tick(): void
}

type Answer = ReturnType<typeof readAnswer>

/** Sends a recording from its first request to its last, and judges each answer as the client that was recorded does. */
export async function replay(recording: Recording, target: ReplayTarget): Promise<void> {
  const values = new Map([
    ['host', new URL(target.url).host],
    ['key', target.key],
  ])
  /** What was sent, to find downloaded bytes in. */
  const sent: Buffer[] = []
  for (const { call, requests } of recording.calls) {
    target.tick()
    for (const request of requests) {
      const bytes = bytesOf(request, values, target.prefix)
      const answer = await sendRaw(target.url, bytes)
      try {
        judge(recording, request, answer, sent)
      } catch (error) {
        const shown = `${call}\n\n${bytes.toString('latin1', 0, 2000)}\n\n${answer.status} ${answer.body}`
        throw new Error(`${(error as Error).message}\n\n${shown}`, { cause: error })
      }
      for (const [name, place] of Object.entries(request.answer.gives ?? {})) {
        const text = textAt(answer, place)
        if (text !== undefined) values.set(name, text)
      }
      sent.push(bytes)
    }
  }
}

function judge(recording: Recording, request: RecordedRequest, answer: Answer, sent: Buffer[]): void {
  const { status, kind, gives } = request.answer
  assert.equal(answer.status, status)
  const [method = '', target = ''] = request.head[0]?.split(' ') ?? []
  const type = answer.headers.get('content-type') ?? ''
  if (kind !== undefined) {
    assert.match(type, /^application\/json\b/)
    const model = recording.models[kind]
    if (model !== undefined) assert.deepEqual(faultsOf(read(recording, model), JSON.parse(answer.body)), [])
    // A page may be the last one, and empty.
    if (kind !== 'page' && kind !== 'betaPage')
      for (const place of Object.values(gives ?? {})) assert.ok(textAt(answer, place), `nothing at ${place}`)
  } else if (method === 'GET') {
    assert.ok(answer.body.length > 0 && sent.some((bytes) => bytes.includes(answer.body, 0, 'latin1')))
  }
  dialectJudges[recording.dialect]?.(request, answer, target)
}

type Judge = (request: RecordedRequest, answer: Answer, target: string) => void

/** What one vendor's clients read besides the body. */
const dialectJudges: Readonly<Record<string, Judge>> = {
  openai: (_request, { status, headers, body }) => {
    assert.ok(headers.get('x-request-id'))
    if (status >= 400) assert.equal(typeof JSON.parse(body).error.message, 'string')
  },
  anthropic: (_request, { status, headers, body }) => {
    assert.ok(headers.get('request-id'))
    if (status < 400) return
    const { type, error, request_id: requestId } = JSON.parse(body)
    assert.deepEqual([type, typeof error.type, requestId], ['error', 'string', headers.get('request-id')])
  },
  gemini: ({ head }, { status, headers, body }, target) => {
    if (status >= 400)
      assert.deepEqual(Object.keys(JSON.parse(body).error).slice(0, 3), ['code', 'message', 'status'])
    const command = head.find((line) => /^x-goog-upload-command:/i.test(line))
    if (command === undefined && !target.startsWith('{{session')) return
    assert.equal(headers.get('x-goog-upload-status'), command?.includes('finalize') ? 'final' : 'active')
  },
  mistral: ({ head }, { headers }) => {
    const isDownload = head[0]?.includes('/content ')
    if (isDownload) assert.match(headers.get('content-type') ?? '', /^application\/octet-stream\b/)
  },
}

/** Google's models take texts of digits for integers, and its API sends 64-bit integers as such. */
function read({ dialect }: Recording, model: object): object {
  if (dialect !== 'gemini') return model
  const text = JSON.stringify(model)
  return JSON.parse(
    text.replaceAll('{"type":"integer"}', '{"type":["integer","string"],"pattern":"^[0-9]+$"}'),
  )
}

function faultsOf(schema: object, value: unknown): string[] {
  const [, errors] = Errors(schema, value)
  return errors.map(({ instancePath, message }) => `${instancePath} ${message}`)
}

/** `data.0.id` of the body, or of a header the path and query of the URL in it. */
function textAt({ headers, body }: Answer, place: string): string | undefined {
  if (place.startsWith('header:')) {
    const { pathname, search } = new URL(headers.get(place.slice('header:'.length)) ?? '')
    return pathname + search
  }
  let found: unknown = JSON.parse(body)
  for (const step of place.split('.')) found = (found as Record<string, unknown> | undefined)?.[step]
  return typeof found === 'string' ? found : undefined
}

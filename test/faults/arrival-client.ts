import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { readLink } from '../../src/core/links/link-token.ts'
import { INTEROP_VERSION } from '../draft-client.ts'
import { exchange, type Headings } from '../lightfield-client.ts'
import { linkToken } from '../link-token.ts'
import { filePart, LlamaCloudClient, purposePart } from '../llamacloud-client.ts'
import { BYTES, head, metadataOf, TUS, TusClient } from '../tus-client.ts'
import { base64Of, YandexRest } from '../yandex-rest.ts'
import { PUBLIC_URL } from './api-client.ts'
import { ROOT_KEY } from './server-process.ts'

/** What is asked of a server for one piece of an upload. */
export interface Piece {
  readonly protocol: 'tus' | 'draft'
  readonly offset: number
  readonly bytes: Uint8Array
  /** Of the whole, where this request tells it. */
  readonly fileBytes: number | undefined
  readonly isLast: boolean
  /** By tus alone: then the piece is kept whole or not at all. */
  readonly hasChecksum: boolean
}

/** An answer to a request about an upload by link. */
export interface LinkAnswer {
  readonly status: number
  /** Undefined: not told. */
  readonly offset: number | undefined
  readonly isLengthKnown: boolean
  readonly location: string | undefined
}

/** Brings files by the surfaces beside Lightfield's. Every method rejects if the connection breaks before the answer is whole. */
export class ArrivalClient {
  readonly #url: string
  readonly #tus: TusClient
  readonly #llama: LlamaCloudClient
  readonly #yandex: YandexRest

  constructor(url: string) {
    const server = { url, key: ROOT_KEY }
    this.#url = url
    this.#tus = new TusClient(server)
    this.#llama = new LlamaCloudClient(server)
    this.#yandex = new YandexRest(server)
  }

  /** @param beginning bytes that come with the creation; undefined: none */
  async create(
    filename: string,
    sizeBytes: number | undefined,
    beginning: Uint8Array | undefined,
  ): Promise<LinkAnswer> {
    const length =
      sizeBytes === undefined ? { 'upload-defer-length': '1' } : { 'upload-length': String(sizeBytes) }
    const told = { ...length, 'upload-metadata': metadataOf({ filename, filetype: 'text/plain' }) }
    const type = beginning === undefined ? {} : { 'content-type': BYTES['content-type'] }
    return answerOf(await this.#tus.create({ ...told, ...type }, beginning))
  }

  async head(link: string): Promise<LinkAnswer> {
    return answerOf(await head(this.#reachable(link)))
  }

  async append(link: string, piece: Piece): Promise<LinkAnswer> {
    return answerOf(await exchange('PATCH', this.#reachable(link), piece.bytes, headersOf(piece)))
  }

  /** Sends some of a piece, and breaks the connection off. */
  async breakOff(link: string, piece: Piece, sentBytes: number): Promise<void> {
    const told = Object.entries(headersOf(piece)).filter(([, text]) => text !== undefined)
    const length = { 'content-length': piece.bytes.byteLength }
    const outgoing = request(this.#reachable(link), {
      method: 'PATCH',
      agent: false,
      headers: { ...Object.fromEntries(told), ...length },
    })
    // Whatever comes of it, somebody asks for the offset afterwards.
    outgoing.on('error', () => undefined).on('response', (answer: IncomingMessage) => answer.resume())
    const isOver = once(outgoing, 'close')
    outgoing.flushHeaders()
    const isSent = new Promise<void>((resolve) => {
      outgoing.write(piece.bytes.subarray(0, sentBytes), () => resolve())
    })
    await Promise.race([isSent, isOver])
    outgoing.destroy()
  }

  async replace(link: string, content: Uint8Array): Promise<number> {
    return (await exchange('PUT', this.#reachable(link), content)).status
  }

  /** Ends an upload. */
  async terminate(link: string): Promise<number> {
    return (await exchange('DELETE', this.#reachable(link), undefined, TUS)).status
  }

  /** @returns the id of the new file, or the status that was not the right one */
  async bring(way: 'form' | 'json', filename: string, content: Uint8Array): Promise<string | number> {
    if (way === 'form') {
      const { status, body } = await this.#llama.upload([
        purposePart('user_data'),
        filePart(content, filename),
      ])
      return status === 201 ? body.id : status
    }
    const { status, body } = await this.#yandex.create({ name: filename, content: base64Of(content) })
    return status === 200 ? body.id : status
  }

  /** Deletes a stored file, by one API or another. */
  async delete(id: string, api: 'llamacloud' | 'yandex'): Promise<boolean> {
    if (api === 'llamacloud') return (await this.#llama.delete(id)).status === 204
    return (await this.#yandex.delete(id)).status === 200
  }

  #reachable(link: string): string {
    return link.replace(PUBLIC_URL, this.#url)
  }
}

function headersOf(piece: Piece): Headings {
  const { protocol, offset, bytes, fileBytes, isLast, hasChecksum } = piece
  const length = fileBytes === undefined ? undefined : String(fileBytes)
  const place = { 'upload-offset': String(offset), 'upload-length': length }
  if (protocol === 'draft') {
    const type = {
      'content-type': 'application/partial-upload',
      'upload-draft-interop-version': INTEROP_VERSION,
    }
    return { ...place, ...type, 'upload-complete': isLast ? '?1' : '?0' }
  }
  const digest = hasChecksum ? `sha256 ${createHash('sha256').update(bytes).digest('base64')}` : undefined
  return { ...BYTES, ...place, 'upload-checksum': digest }
}

function answerOf({ status, headers }: { readonly status: number; readonly headers: Headers }): LinkAnswer {
  const offset = headers.get('upload-offset')
  return {
    status,
    offset: offset === null ? undefined : Number(offset),
    isLengthKnown: headers.get('upload-defer-length') === null,
    location: headers.get('location') ?? undefined,
  }
}

/** Of the file of a link, as every API takes it. */
export function fileIdOf(link: string): string {
  const claim = readLink(linkToken(link))
  if (claim === undefined) throw new Error(`no link of an upload: ${link}`)
  return claim.fileId
}

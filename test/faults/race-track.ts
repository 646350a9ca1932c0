import assert from 'node:assert/strict'
import { readLink } from '../../src/core/links/link-token.ts'
import { LightfieldClient, ok } from '../lightfield-client.ts'
import { linkToken } from '../link-token.ts'
import type { SeededRandom } from '../seeded-random.ts'
import { offsetAt, TusClient } from '../tus-client.ts'

/** Some bytes, some around a slab, some of several slabs. */
const SIZES = [10, 4096, 64 * 1024, 70_000, 300_000]

export interface RaceTrackOptions {
  /** Of servers on the same stores: the first client asks the first one, the second client the last. */
  readonly urls: readonly string[]
  readonly key: string
  readonly random: SeededRandom
  /** Lets the time of an upload be over. */
  readonly expire: (fileId: string) => Promise<void>
  /** Stops the servers. Fails unless all is counted once, and no bytes are without a row. */
  readonly assertSettled: () => Promise<void>
}

/** Where two clients race. */
export class RaceTrack {
  readonly random: SeededRandom
  readonly field: LightfieldClient
  readonly tus: TusClient
  readonly expire: RaceTrackOptions['expire']
  readonly assertSettled: RaceTrackOptions['assertSettled']
  readonly #lastUrl: string

  constructor({ urls, key, random, expire, assertSettled }: RaceTrackOptions) {
    this.random = random
    this.expire = expire
    this.assertSettled = assertSettled
    const first = { url: urls[0] ?? '', key }
    this.#lastUrl = urls.at(-1) ?? ''
    this.field = new LightfieldClient(first)
    this.tus = new TusClient(first)
  }

  /** A link as the second client knows it. */
  second(link: string): string {
    return this.#lastUrl + new URL(link).pathname
  }

  bytes(length = this.random.pick(SIZES)): Buffer {
    return this.random.bytes(length)
  }

  async statusOf(link: string): Promise<string> {
    return ok(await this.field.retrieve(idOf(link))).status
  }

  /** Fails unless a file has exactly these bytes, through each server. */
  async assertBytes(link: string, expected: Buffer): Promise<void> {
    const download = await this.field.link(idOf(link))
    for (const url of new Set([download, this.second(download)]))
      assert.ok(expected.equals(await (await fetch(url)).bytes()), 'the file has other bytes')
  }

  /** Each server tells the same. */
  async offset(link: string): Promise<number> {
    const [first, second] = [await offsetAt(link), await offsetAt(this.second(link))]
    assert.equal(first, second)
    return first
  }
}

/** Of the file that a link leads to. */
export function idOf(link: string): string {
  return readLink(linkToken(link))?.fileId ?? assert.fail('no link')
}

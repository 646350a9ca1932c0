import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { readLink } from '../src/core/links/link-token.ts'
import { parseFileId } from '../src/dialects/all.ts'
import { fileIds as lightfieldIds } from '../src/dialects/lightfield/ids.ts'
import { fileIds as llamacloudIds } from '../src/dialects/llamacloud/ids.ts'
import { entrepot, type Outcome, type Settings } from './cli.harness.ts'
import { TestServer } from './harness.ts'
import {
  CONTENT,
  type CreatedFile,
  exchange,
  type Headings,
  LightfieldClient,
  md5Of,
  ok,
  putBytes,
} from './lightfield-client.ts'
import { linkToken } from './link-token.ts'
import { LlamaCloudClient } from './llamacloud-client.ts'
import { newDatabase } from './postgres.ts'
import { S3TestServer } from './s3/server.ts'
import { s3Settings } from './s3/settings.ts'
import { storedFile } from './stored-file.ts'
import { patch, TusClient } from './tus-client.ts'
import { defaultTenant, setQuota, usageNow } from './usage.ts'
import { done, YandexRest } from './yandex-rest.ts'

/** A server on SQLite and disk, whatever the rest of the suite runs on. */
export async function startOnDisk(t: TestContext): Promise<TestServer> {
  const server = await TestServer.start({ ENTREPOT_DATABASE_URL: '', ENTREPOT_S3_BUCKET: '' })
  t.after(() => server.stop())
  return server
}

/** A place to move to: its settings for a server, and how the command is told of it. */
export interface Place {
  readonly settings: Record<string, string>
  readonly flags: readonly string[]
  readonly variables: Settings
}

export async function newPostgres(): Promise<Place> {
  const url = await newDatabase()
  return { settings: { ENTREPOT_DATABASE_URL: url }, flags: [], variables: { ENTREPOT_TO_DATABASE_URL: url } }
}

export async function newBucket(t: TestContext): Promise<Place & { readonly s3: S3TestServer }> {
  const s3 = await S3TestServer.start()
  t.after(() => s3.stop())
  const settings = s3Settings(s3) as Record<string, string>
  const flags = ['--to-s3-bucket', s3.bucket, '--to-s3-endpoint', s3.endpoint]
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = settings
  const variables = {
    ENTREPOT_TO_AWS_ACCESS_KEY_ID: AWS_ACCESS_KEY_ID,
    ENTREPOT_TO_AWS_SECRET_ACCESS_KEY: AWS_SECRET_ACCESS_KEY,
  }
  return { s3, settings, flags, variables }
}

export function both(one: Place, other: Place): Place {
  return {
    settings: { ...one.settings, ...other.settings },
    flags: [...one.flags, ...other.flags],
    variables: { ...one.variables, ...other.variables },
  }
}

/** Arguments and environment of the command that moves an installation. */
export function moving(
  source: Settings,
  target: Place,
  ...options: readonly string[]
): [args: readonly string[], settings: Settings] {
  return [['migrate-storage', ...target.flags, ...options], { ...source, ...target.variables }]
}

export function moves(source: Settings, target: Place, ...options: readonly string[]): Promise<Outcome> {
  return entrepot(...moving(source, target, ...options))
}

/** An installation with something of everything, and what its clients see of it. */
export class Installation {
  readonly server: TestServer
  /** By the id of each file, as Lightfield prints it: its bytes. */
  readonly files = new Map<string, Buffer>()
  #keys: string[] = []
  #cookie: Headings = {}
  #staged: CreatedFile | undefined
  #pending: CreatedFile | undefined
  /** A link to an upload of which the first bytes have come. */
  #begun: string | undefined
  #answered: { readonly headers: Headings; readonly text: string } | undefined
  #revoked: string | undefined

  constructor(server: TestServer) {
    this.server = server
  }

  static async fill(server: TestServer): Promise<Installation> {
    const made = new Installation(server)
    const field = new LightfieldClient(server)
    for (const size of [1, 70_000, 9_000_000]) await made.add(size)
    await new LlamaCloudClient(server).stored(randomBytes(500), 'll ü.txt', { external_file_id: 'e-1' })
    const labels = { team: 'harbour', colour: 'blue' }
    const expirationConfig = { expirationPolicy: 'STATIC', ttlDays: '3' }
    await new YandexRest(server).stored('yandex', { name: 'y', labels, expirationConfig })
    await made.remove(await made.add(10))
    await field.cancelled()
    await storedFile(server, server.key, { visibility: 'subject', alias: 'chosen', lineCount: 7 })
    made.#staged = await field.staged()
    made.#pending = await field.pending()
    // None of which are joined.
    await made.addInPieces([1_100_000, 100, 1_100_000])
    made.#begun = await new TusClient(server).created(6)
    await patch(made.#begun, 0, 'abc')
    const headers = { 'idempotency-key': randomUUID() }
    const answer = await field.create({ filename: 'once.txt' }, headers)
    made.#answered = { headers, text: answer.text }
    const tenant = await server.newTenant('other')
    await new LightfieldClient(server, tenant.key).stored('theirs')
    const reader = { userId: 'reader', role: 'member', scopes: ['files:read'], fidelity: 'strict' } as const
    made.#keys = [server.key, tenant.key, await server.newKey(reader)]
    made.#revoked = await server.newKey({ name: 'revoked' })
    const keys = await server.app.services.metadata.listKeys()
    const id = keys.find(({ name }) => name === 'revoked')?.id ?? ''
    await server.app.services.metadata.commit([{ kind: 'key.revoke', id, revokedAt: server.clock.now() }])
    await setQuota(server, 'organization', { files: 40 })
    const session = await exchange('POST', `${server.url}/session`, undefined, {
      authorization: `Bearer ${server.key}`,
    })
    made.#cookie = { cookie: (session.headers.get('set-cookie') ?? '').split(';')[0] }
    return made
  }

  /** Stores a file of random bytes. @returns its id */
  async add(sizeBytes: number): Promise<string> {
    const content = randomBytes(sizeBytes)
    const { id } = await new LightfieldClient(this.server).stored(content)
    this.files.set(id, content)
    return id
  }

  /** The same, in a request for each of these sizes. */
  async addInPieces(sizes: readonly number[]): Promise<void> {
    const pieces = sizes.map((size) => randomBytes(size))
    const content = Buffer.concat(pieces)
    const link = await new TusClient(this.server).created(content.length)
    let offset = 0
    for (const piece of pieces) {
      assert.equal((await patch(link, offset, piece)).status, 204)
      offset += piece.length
    }
    const { fileId } = readLink(linkToken(link)) ?? assert.fail('no link')
    this.files.set(lightfieldIds.print(fileId), content)
  }

  async remove(id: string): Promise<void> {
    const printed = llamacloudIds.print(parseFileId(id) ?? '')
    assert.equal((await new LlamaCloudClient(this.server).delete(printed)).status, 204)
    this.files.delete(id)
  }

  /** Everything that clients see: by each key and dialect, and by the cookie. Addresses of the server are left out. */
  async seen(): Promise<unknown> {
    const { server } = this
    const { body: page } = await new LlamaCloudClient(server).query({ page_size: 100 })
    const lists = await Promise.all(
      this.#keys.map(async (key) => ok(await new LightfieldClient(server, key).list('?limit=100'))),
    )
    const files = page.items.map(({ download_url, ...fields }) => fields)
    const yandex = done(await new YandexRest(server).list('folderId=default&pageSize=100'))
    const bySession = await exchange<{ items: unknown[] }>(
      'GET',
      `${server.url}/api/v1/beta/files?page_size=100`,
      undefined,
      this.#cookie,
    )
    const { metadata } = server.app.services
    const organizations = await metadata.listOrganizations()
    const fidelities = (await metadata.listKeys()).map(({ id, fidelity }) => `${id} ${fidelity}`)
    const { project } = await defaultTenant(server)
    const [named] = await metadata.listFilesByAlias([project], 'chosen')
    const chosen = [named?.visibility, named?.lineCount]
    const usage = await usageNow(server)
    const sessionFiles = bySession.body.items.length
    return {
      ...{ lists, files, total: page.total_size, yandex, session: sessionFiles, organizations, usage },
      ...{ fidelities, chosen },
    }
  }

  /** Every byte of every file, and a link that was made before, and nobody by the revoked key. */
  async assertReadable(linkBefore: string): Promise<void> {
    const field = new LightfieldClient(this.server)
    for (const [id, content] of this.files) {
      const answer = await fetch(await field.link(id))
      assert.equal(answer.status, 200)
      assert.ok(content.equals(Buffer.from(await answer.arrayBuffer())))
    }
    assert.equal(await statusOf(this.here(linkBefore)), 200)
    if (this.#revoked)
      assert.equal((await new LightfieldClient(this.server, this.#revoked).list()).status, 401)
  }

  /** What was begun before the move ends after it: a PUT on its link, a complete, a repeated request. Once. */
  async assertGoesOn(): Promise<void> {
    const field = new LightfieldClient(this.server)
    assert.ok(this.#staged && this.#pending && this.#answered && this.#begun)
    assert.equal((await patch(this.here(this.#begun), 3, 'def')).status, 204)
    assert.equal(ok(await field.complete(this.#staged.id, { md5: md5Of(CONTENT) })).status, 'COMPLETED')
    const upload = { ...this.#pending, uploadUrl: this.here(this.#pending.uploadUrl) }
    assert.equal((await putBytes(upload)).status, 200)
    assert.equal(ok(await field.complete(this.#pending.id)).status, 'COMPLETED')
    const { headers, text } = this.#answered
    assert.equal((await field.create({ filename: 'once.txt' }, headers)).text, text)
  }

  /** The same path at the server's present port. */
  here(url: string): string {
    const { pathname, search } = new URL(url)
    return this.server.url + pathname + search
  }

  link(): Promise<string> {
    const [id = ''] = [...this.files.keys()].slice(-1)
    return new LightfieldClient(this.server).link(id)
  }
}

/** Of a GET whose body is read to its end, or the server would wait for its reader when it stops. */
export async function statusOf(url: string): Promise<number> {
  const answer = await fetch(url)
  await answer.arrayBuffer()
  return answer.status
}

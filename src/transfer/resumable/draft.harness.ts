import assert from 'node:assert/strict'
import { type DraftAnswer, exchangeDraft } from '../../../test/draft-client.ts'
import type { TestServer } from '../../../test/harness.ts'
import { LightfieldClient, ok } from '../../../test/lightfield-client.ts'
import type { Caller } from '../../core/caller.ts'
import { issueLink } from '../../core/links/link.ts'
import { type StartUpload, startUpload } from '../../core/uploads/start-upload.ts'
import { fileIds } from '../../dialects/lightfield/ids.ts'

export const MAX_BYTES = 100_000

export interface Opened {
  /** As one dialect spells it, in which tests look at files. */
  readonly id: string
  readonly url: string
}

/** An upload that needs no complete. By default its length is not known. */
export async function openUpload(server: TestServer, given: Partial<StartUpload> = {}): Promise<Opened> {
  const { services } = server.app
  const file = await startUpload(services, await callerOf(server), {
    name: 'notes.txt',
    mimeType: 'text/plain',
    sizeBytes: 0,
    maxBytes: MAX_BYTES,
    purpose: null,
    lifetimeSeconds: 3600,
    writeOnce: false,
    sha256: null,
    expiry: { policy: 'never' },
    ...given,
  })
  const { url } = await issueLink(services, 'PUT', file, file.uploadExpiresAt ?? 0)
  return { url, id: fileIds.print(file.id) }
}

async function callerOf({ app }: TestServer): Promise<Caller> {
  const organization = (await app.services.metadata.findOrganization('default')) ?? assert.fail()
  const project = (await app.services.metadata.findProject(organization.id, 'default')) ?? assert.fail()
  const subject = { type: 'user', id: 'tester' } as const
  const { id: organizationId } = organization
  return {
    keyId: 'k',
    organizationId,
    projectIds: [project.id],
    subject,
    role: 'admin',
    scopes: [],
    fidelity: 'open',
  }
}

type Content = string | Uint8Array
type Fields = Readonly<Record<string, string | number>>

/** A request that begins an upload. */
export function begin(url: string, content: Content, fields: Fields, method = 'POST'): Promise<DraftAnswer> {
  return exchangeDraft(method, url, { content: Buffer.from(content), headers: fields })
}

/** An append; `?1` unless told otherwise. */
export function append(
  url: string,
  offset: number,
  content: Content,
  fields: Fields = {},
): Promise<DraftAnswer> {
  const headers = {
    'upload-offset': offset,
    'upload-complete': '?1',
    'content-type': 'application/partial-upload',
    ...fields,
  }
  return exchangeDraft('PATCH', url, { content: Buffer.from(content), headers })
}

/** The upload headers of an answer, by their names without `upload-`. */
export function told({ headers }: DraftAnswer) {
  return {
    offset: headers['upload-offset'],
    complete: headers['upload-complete'],
    length: headers['upload-length'],
  }
}

/** What a HEAD tells, after its status. */
export async function offsetAt(url: string) {
  const answer = await exchangeDraft('HEAD', url)
  return { status: answer.status, ...told(answer) }
}

export async function contentOf(server: TestServer, id: string): Promise<string> {
  return (await fetch(await new LightfieldClient(server).link(id))).text()
}

export async function statusOf(server: TestServer, id: string): Promise<string> {
  return ok(await new LightfieldClient(server).retrieve(id)).status
}

export function assertProblem(answer: DraftAnswer, status: number, name: string, more: object = {}): void {
  assert.equal(answer.status, status, answer.text)
  assert.equal(answer.headers['content-type'], 'application/problem+json')
  assert.equal(answer.headers['upload-complete'], '?0')
  const { type, title, detail, ...members } = JSON.parse(answer.text)
  assert.equal(type, `https://iana.org/assignments/http-problem-types#${name}`)
  assert.ok(title && detail)
  assert.deepEqual(members, { status, ...more })
}

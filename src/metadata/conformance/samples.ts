import { randomBytes, randomUUID } from 'node:crypto'
import test, { after } from 'node:test'
import type { ApiKey } from '../../core/access/keys.ts'
import type { Organization, Project } from '../../core/access/tenants.ts'
import { newFileId } from '../../core/files/create-file.ts'
import type { FileRecord, ListedFile } from '../../core/files/file.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import type { GrantSession, KeySession } from '../../core/ports/sessions.ts'

export interface OpenedStore {
  readonly store: MetadataStore
  /** Closes the store and opens the same data again; for stores that outlive their process. */
  readonly reopen?: () => Promise<MetadataStore>
  readonly cleanup: () => Promise<void>
}
export type OpenStore = () => Promise<OpenedStore>

/** For tests that do not mind what others left behind: one store, opened by the first, removed after the suite. */
export function shareStore(openStore: OpenStore): OpenStore {
  let opening: Promise<OpenedStore> | undefined
  after(async () => (await opening)?.cleanup())
  return async () => {
    opening ??= openStore()
    const { store } = await opening
    return { store, cleanup: async () => {} }
  }
}

/** The instant at which the tests take place. */
export const NOW = 1_790_000_000_000

/** A test with a store of its own, removed afterwards. */
export function testStore(
  openStore: OpenStore,
  behaviour: string,
  run: (store: MetadataStore, opened: OpenedStore) => Promise<void>,
): void {
  test(behaviour, async () => {
    const opened = await openStore()
    try {
      await run(opened.store, opened)
    } finally {
      await opened.cleanup()
    }
  })
}

const noQuota = { quotaFiles: null, quotaBytes: null }

export function sampleOrganization(given: Partial<Organization> = {}): Organization {
  return { id: randomUUID(), slug: `org-${randomUUID()}`, createdAt: NOW, ...noQuota, ...given }
}

export function sampleProject(organizationId: string, given: Partial<Project> = {}): Project {
  return {
    id: randomUUID(),
    organizationId,
    slug: `project-${randomUUID()}`,
    createdAt: NOW,
    ...noQuota,
    ...given,
  }
}

/** An organization with one project, inserted. */
export async function insertTenant(
  store: MetadataStore,
  given: { organization?: Partial<Organization>; project?: Partial<Project> } = {},
): Promise<Pick<FileRecord, 'organizationId' | 'projectId'>> {
  const organization = sampleOrganization(given.organization)
  const project = sampleProject(organization.id, given.project)
  await store.commit([
    { kind: 'organization.insert', organization },
    { kind: 'project.insert', project },
  ])
  return { organizationId: organization.id, projectId: project.id }
}

function sampleBrowser(expiresAt: number) {
  const hash = randomBytes(32).toString('hex')
  return { hash, startedAt: NOW, lastSeenAt: null, expiresAt, userAgent: 'Lynx/2.9' }
}

export function sampleSession(keyId: string, expiresAt: number): KeySession {
  return { ...sampleBrowser(expiresAt), keyId }
}

export function sampleGrantSession(
  organizationId: string,
  expiresAt: number,
  given: Partial<GrantSession> = {},
): GrantSession {
  return {
    ...sampleBrowser(expiresAt),
    organizationId,
    projectIds: [randomUUID()],
    userId: 'alice',
    role: 'member',
    scopes: ['files:read'],
    ...given,
  }
}

export function sampleKey(organizationId: string, given: Partial<ApiKey> = {}): ApiKey {
  return {
    id: randomUUID(),
    hash: randomBytes(32).toString('hex'),
    name: 'deploy',
    organizationId,
    projectIds: [randomUUID(), randomUUID()],
    userId: null,
    role: 'member',
    scopes: ['files:read', 'files:create'],
    fidelity: null,
    createdAt: NOW,
    expiresAt: null,
    revokedAt: null,
    ...given,
  }
}

/** The one project of the tests that do not care about projects. */
export const PROJECT_ID = randomUUID()

/** A stored file with bytes that never ends. */
export function sampleFile(given: Partial<FileRecord> = {}): FileRecord {
  return {
    id: newFileId(given.createdAt ?? NOW),
    organizationId: randomUUID(),
    projectId: PROJECT_ID,
    name: 'Bericht „Q3“ 📄.pdf',
    sizeBytes: 12,
    mimeType: 'application/pdf',
    purpose: 'parse',
    description: 'a\nb',
    labels: { team: 'blue', 'a"b': "c'd" },
    externalId: 'ext-1',
    alias: null,
    visibility: 'project',
    createdBy: 'user-1',
    updatedBy: 'user-1',
    createdAt: NOW,
    updatedAt: NOW,
    state: 'stored',
    layout: 'blob',
    segmentCount: 0,
    joinDue: false,
    storedAt: NOW,
    uploadExpiresAt: null,
    writeOnce: true,
    uploadMaxBytes: null,
    expectedSha256: null,
    expiryPolicy: 'never',
    ttlDays: 0,
    lastActiveAt: NOW,
    expiresAt: null,
    blobKey: newKey(),
    blobSizeBytes: 12,
    sha256: 'a'.repeat(64),
    md5: null,
    lineCount: null,
    placedParts: null,
    origin: null,
    ...given,
  }
}

/** An upload that waits for its bytes until `uploadExpiresAt`. */
export function sampleUpload(given: Partial<FileRecord> = {}): FileRecord {
  return sampleFile({
    state: 'pending',
    storedAt: null,
    uploadExpiresAt: NOW + 1000,
    writeOnce: false,
    blobKey: null,
    blobSizeBytes: null,
    sha256: null,
    ...given,
  })
}

/** What a listing with a total tells of a file. */
export function toListed(file: FileRecord): ListedFile {
  const { id, name, sizeBytes, mimeType, createdAt, state, storedAt, uploadExpiresAt, expiresAt } = file
  return { id, name, sizeBytes, mimeType, createdAt, state, storedAt, uploadExpiresAt, expiresAt }
}

export function newKey(): string {
  return randomBytes(16).toString('hex')
}

export async function insertFiles(store: MetadataStore, files: readonly FileRecord[]): Promise<void> {
  await store.commit(files.map((file) => ({ kind: 'file.insert', file })))
}

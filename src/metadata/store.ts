import type { ApiKey } from '../core/access/keys.ts'
import type { FileRecord } from '../core/files/file.ts'
import type { AnswerSlot, Change } from '../core/ports/changes.ts'
import type { FileFilter, FilePage, MetadataStore } from '../core/ports/metadata-store.ts'
import { blobReads } from './blob-reads.ts'
import { isCleanup, queueOf } from './commit-queue.ts'
import type { SqlEngine } from './engine.ts'
import { InstallationStore } from './installation-store.ts'
import { KeptRecords } from './kept-records.ts'
import { Listings, type ListPage } from './listings.ts'
import { mergedPage } from './merged-page.ts'
import { OwnLeases } from './own-leases.ts'
import { type ChangeQueries, changeQueries, planCommit } from './plan-change.ts'
import { keyShape, linkKeyShape, organizationShape, projectShape } from './queries/access.ts'
import { answerFromRow, indexedSlot } from './queries/answers.ts'
import { fileShape, namedShape } from './queries/files.ts'
import { linkShape } from './queries/links.ts'
import { segmentedShape, segmentShape } from './queries/segments.ts'
import { sessionReads } from './session-reads.ts'
import type { Query } from './sql/prepare.ts'
import type { RecordShape } from './sql/record-shape.ts'

/** The metadata store over any SQL engine: each change is a few statements, each read is one. */
export class SqlMetadataStore extends InstallationStore implements MetadataStore {
  readonly #engine: SqlEngine
  readonly #queries: ChangeQueries
  readonly #listings: Listings
  readonly #leases = new OwnLeases()
  readonly #keys = new KeptRecords<ApiKey | undefined>()
  readonly #files = new KeptRecords<FileRecord | undefined>()
  #told: (changes: readonly Change[]) => void = () => undefined

  readonly findSession: MetadataStore['findSession']
  readonly listSessions: MetadataStore['listSessions']
  readonly listCollectableBlobs: MetadataStore['listCollectableBlobs']
  readonly listIntentions: MetadataStore['listIntentions']
  readonly listAbandonedBlobs: MetadataStore['listAbandonedBlobs']
  readonly listForsakenBlobs: MetadataStore['listForsakenBlobs']
  readonly knowsBlob: MetadataStore['knowsBlob']
  readonly listReferencedBlobs: MetadataStore['listReferencedBlobs']

  constructor(engine: SqlEngine, queries = changeQueries(engine.flavour)) {
    super(engine, queries)
    this.#engine = engine
    this.#queries = queries
    this.#listings = new Listings(engine)
    const sessions = sessionReads(engine)
    this.findSession = sessions.find
    this.listSessions = sessions.list
    const blobs = blobReads(engine, this.#leases)
    this.listCollectableBlobs = blobs.listCollectableBlobs
    this.listIntentions = blobs.listIntentions
    this.listAbandonedBlobs = blobs.listAbandonedBlobs
    this.listForsakenBlobs = blobs.listForsakenBlobs
    this.knowsBlob = blobs.knowsBlob
    this.listReferencedBlobs = blobs.listReferencedBlobs
  }

  async commit(changes: readonly Change[]) {
    const steps = planCommit(this.#queries, changes, this.#engine.node?.id ?? null)
    if (steps.length === 0) return
    this.#leases.begin(changes)
    try {
      await this.#engine.write(steps, queueOf(changes), isCleanup(changes))
    } catch (error) {
      this.#leases.failed(changes, error)
      throw error
    }
    this.#leases.committed(changes)
    this.#told(changes)
  }

  onCommit(told: (changes: readonly Change[]) => void) {
    this.#told = told
  }

  async findOrganization(idOrSlug: string) {
    const found = await this.#list(organizationShape, this.#queries.tenants.findOrganization, { idOrSlug })
    return preferId(found, idOrSlug)
  }

  async listOrganizations() {
    return this.#list(organizationShape, this.#queries.tenants.listOrganizations, {})
  }

  async findProject(organizationId: string, idOrSlug: string) {
    const found = await this.#list(projectShape, this.#queries.tenants.findProject, {
      organizationId,
      idOrSlug,
    })
    return preferId(found, idOrSlug)
  }

  async listProjects(organizationId?: string) {
    if (organizationId === undefined) return this.#list(projectShape, this.#queries.tenants.listProjects, {})
    return this.#list(projectShape, this.#queries.tenants.listProjectsOf, { organizationId })
  }

  findKey(hash: string) {
    const find = () => this.#find(keyShape, this.#queries.keys.findKey, { hash })
    return this.#keys.find(this.#engine.recentVersion(), hash, find)
  }

  async listKeys(name?: string) {
    if (name !== undefined) return this.#list(keyShape, this.#queries.keys.listKeysOfName, { name })
    return this.#list(keyShape, this.#queries.keys.listKeys, {})
  }

  async listLinkKeys() {
    return this.#list(linkKeyShape, this.#queries.keys.listLinkKeys, {})
  }

  async findLink(id: string) {
    return this.#find(linkShape, this.#queries.links.find, { id })
  }

  async listLinks(fileId: string, now: number) {
    return this.#list(linkShape, this.#queries.links.ofFile, { fileId, now })
  }

  findFile(id: string) {
    const find = () => this.#find(fileShape, this.#queries.files.find, { id })
    return this.#files.find(this.#engine.version(), id, find)
  }

  async listFilesById(ids: readonly string[]) {
    return this.#list(fileShape, this.#queries.files.ofIds, { ids })
  }

  async listFilesByAlias(projectIds: readonly string[], alias: string) {
    return this.#list(fileShape, this.#queries.files.ofAlias, { projectIds, alias })
  }

  listFiles(filter: FileFilter, page: ListPage) {
    return this.#listings.list(filter, page)
  }

  pageFiles(filter: FileFilter, page: FilePage) {
    return this.#listings.page(filter, page)
  }

  pageFilesOf(projectIds: readonly string[], filter: Omit<FileFilter, 'projectId'>, page: FilePage) {
    return mergedPage(this.#listings, projectIds, filter, page)
  }

  countFiles(filter: FileFilter) {
    return this.#listings.count(filter)
  }

  async listLapsedUploads(now: number, limit: number) {
    return this.#list(fileShape, this.#queries.files.lapsed, { now, limit })
  }

  async listExpiredFiles(now: number, limit: number) {
    return this.#list(fileShape, this.#queries.files.expired, { now, limit })
  }

  async listUnnormalizedNames(limit: number) {
    return this.#list(namedShape, this.#queries.files.unnormalized, { limit })
  }

  async listSegments(fileId: string, from: number, limit: number) {
    return this.#list(segmentShape, this.#queries.segments.list, { fileId, from, limit })
  }

  async listParts(fileId: string, limit: number) {
    return this.#list(segmentShape, this.#queries.segments.parts, { fileId, limit })
  }

  async findSegmentBytes(fileId: string, start: number) {
    const [row] = await this.#engine.read(this.#queries.segments.bytes, { fileId, start })
    return (row?.[0] ?? undefined) as Uint8Array | undefined
  }

  async listFilesToJoin(limit: number) {
    return this.#list(fileShape, this.#queries.files.toJoin, { limit })
  }

  get takesSegments() {
    return this.#engine.takesSegments
  }

  get hidesFiles() {
    return this.#engine.hidesFiles
  }

  get isShortOfRoom() {
    return this.#engine.isShortOfRoom
  }

  async findAnswer(slot: AnswerSlot, now: number) {
    const { find } = this.#queries.answers
    const indexed = indexedSlot(slot)
    let [row] = await this.#engine.read(find, { ...indexed, now })
    // SQLite keeps answers of the release before for a day, whose slots are as they were however long.
    if (row === undefined && indexed !== slot) [row] = await this.#engine.read(find, { ...slot, now })
    return row && answerFromRow(row)
  }

  heldAnswers() {
    return this.#leases.answers()
  }

  async countLapsedAnswers(now: number, limit: number) {
    const [row] = await this.#engine.read(this.#queries.answers.countLapsed, { now, limit })
    return (row?.[0] ?? 0) as number
  }

  async listSegmentedFiles(after: string | undefined, limit: number) {
    return this.#list(segmentedShape, this.#queries.segments.segmented, { after: after ?? '', limit })
  }

  async check() {
    await this.#engine.check()
    await this.storeId()
  }

  async close() {
    await this.#engine.close()
  }

  async #find<R, Args>(shape: RecordShape<R>, query: Query<Args>, args: Args): Promise<R | undefined> {
    const [row] = await this.#engine.read(query, args)
    return row && shape.fromRow(row)
  }

  async #list<R, Args>(shape: RecordShape<R>, query: Query<Args>, args: Args): Promise<readonly R[]> {
    return (await this.#engine.read(query, args)).map((row) => shape.fromRow(row))
  }
}

/** One row's slug may be another row's id; then the id wins. */
function preferId<R extends { readonly id: string }>(found: readonly R[], id: string): R | undefined {
  return found.find((record) => record.id === id) ?? found[0]
}

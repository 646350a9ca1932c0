import { StoreError } from '../core/errors.ts'
import type { AnswerSlot, Change, FileFilter, MetadataStore } from '../core/metadata-store.ts'
import {
  type AccessQueries,
  accessQueries,
  keyShape,
  linkKeyShape,
  organizationShape,
  projectShape,
} from './access.ts'
import { type AnswerQueries, answerFromRow, answerQueries } from './answers.ts'
import { type BlobQueries, blobQueries, referencedShape, unreferencedShape } from './blobs.ts'
import { FileQueries, fileShape } from './files.ts'
import { type Query, type Step, step } from './prepare.ts'
import type { RecordShape } from './record-shape.ts'
import type { SqlEngine } from './sql-engine.ts'

/** The metadata store over any SQL engine: each change is one or two statements, each read is one. */
export class SqlMetadataStore implements MetadataStore {
  readonly #engine: SqlEngine
  readonly #access: AccessQueries
  readonly #files: FileQueries
  readonly #blobs: BlobQueries
  readonly #answers: AnswerQueries

  constructor(engine: SqlEngine) {
    this.#engine = engine
    this.#access = accessQueries(engine.builder)
    this.#files = new FileQueries(engine.builder)
    this.#blobs = blobQueries(engine.builder)
    this.#answers = answerQueries(engine.builder)
  }

  async commit(changes: readonly Change[]) {
    const steps: Step[] = []
    for (const change of changes) this.#plan(change, steps)
    if (steps.length > 0) await this.#engine.write(steps)
  }

  #plan(change: Change, steps: Step[]): void {
    switch (change.kind) {
      case 'organization.insert':
        steps.push(step(this.#access.insertOrganization, change.organization))
        return
      case 'project.insert':
        steps.push(step(this.#access.insertProject, change.project))
        return
      case 'key.insert':
        steps.push(step(this.#access.insertKey, change.key))
        return
      case 'key.revoke':
        steps.push(step(this.#access.revokeKey, change))
        return
      case 'link-key.insert':
        steps.push(step(this.#access.insertLinkKey, change.linkKey))
        return
      case 'file.insert':
        steps.push(step(this.#files.insert, change.file))
        return
      case 'file.update':
        steps.push(this.#files.update(change.id, change.guard, change.patch))
        return
      case 'blob.intend':
        steps.push(step(this.#blobs.intend, change.blob))
        return
      case 'blob.claim':
        steps.push(step(this.#blobs.claim, change))
        return
      case 'blob.release':
        steps.push(step(this.#blobs.release, change.blob))
        return
      case 'blob.collect':
        steps.push(step(this.#blobs.collect, change))
        return
      case 'blob.forget':
        steps.push(step(this.#blobs.forget, change))
        return
      case 'answer.claim':
        steps.push(step(this.#answers.claim, { ...change, ...change.slot }))
        return
      case 'answer.save':
        steps.push(step(this.#answers.save, { ...change, ...change.slot, ...change.answer }))
        return
      case 'answer.drop':
        steps.push(step(this.#answers.drop, { ...change, ...change.slot }))
        return
      case 'answer.purge':
        steps.push(step(this.#answers.purge, change))
        return
      case 'leases.end':
        steps.push(step(this.#answers.endReservations, change), step(this.#blobs.endIntentions, change))
        return
      default:
        throw new TypeError(`Unknown change ${JSON.stringify(change satisfies never)}`)
    }
  }

  async findOrganization(idOrSlug: string) {
    const found = await this.#list(organizationShape, this.#access.findOrganization, { idOrSlug })
    return preferId(found, idOrSlug)
  }

  async listOrganizations() {
    return this.#list(organizationShape, this.#access.listOrganizations, {})
  }

  async findProject(organizationId: string, idOrSlug: string) {
    const found = await this.#list(projectShape, this.#access.findProject, { organizationId, idOrSlug })
    return preferId(found, idOrSlug)
  }

  async listProjects(organizationId?: string) {
    if (organizationId === undefined) return this.#list(projectShape, this.#access.listProjects, {})
    return this.#list(projectShape, this.#access.listProjectsOf, { organizationId })
  }

  async findKey(hash: string) {
    return this.#find(keyShape, this.#access.findKey, { hash })
  }

  async listKeys() {
    return this.#list(keyShape, this.#access.listKeys, {})
  }

  async listLinkKeys() {
    return this.#list(linkKeyShape, this.#access.listLinkKeys, {})
  }

  async findFile(id: string) {
    return this.#find(fileShape, this.#files.find, { id })
  }

  async listFiles(filter: FileFilter, page: { readonly offset: number; readonly limit: number }) {
    if (filter.states.length === 0) return []
    return this.#list(fileShape, this.#files.list(filter.states), { ...filter, ...page })
  }

  async countFiles(filter: FileFilter) {
    if (filter.states.length === 0) return 0
    const [row] = await this.#engine.read(this.#files.count(filter.states), filter)
    return row?.[0] as number
  }

  async listLapsedUploads(now: number, limit: number) {
    return this.#list(fileShape, this.#files.lapsed, { now, limit })
  }

  async listExpiredFiles(now: number, limit: number) {
    return this.#list(fileShape, this.#files.expired, { now, limit })
  }

  async findAnswer(slot: AnswerSlot, now: number) {
    const [row] = await this.#engine.read(this.#answers.find, { ...slot, now })
    return row && answerFromRow(row)
  }

  async listCollectableBlobs(now: number, limit: number) {
    return this.#list(unreferencedShape, this.#blobs.collectable, { now, limit })
  }

  async knowsBlob(key: string) {
    return (await this.#engine.read(this.#blobs.known, { key })).length > 0
  }

  async listReferencedBlobs(after: string | undefined, limit: number) {
    return this.#list(referencedShape, this.#blobs.referenced, { after: after ?? '', limit })
  }

  async storeId() {
    const [row] = await this.#engine.read(this.#access.storeId, {})
    if (row === undefined) throw new StoreError('unavailable', 'The database carries no store id.')
    return row[0] as string
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

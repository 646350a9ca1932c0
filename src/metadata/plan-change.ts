import type { Change } from '../core/metadata-store.ts'
import type { AccessQueries } from './access.ts'
import type { AnswerQueries } from './answers.ts'
import { type BlobQueries, intention } from './blobs.ts'
import type { FileQueries } from './files.ts'
import { type BoundStatement, bound } from './prepare.ts'
import type { UsageQueries } from './usage.ts'

export interface ChangeQueries {
  readonly access: AccessQueries
  readonly usage: UsageQueries
  readonly files: FileQueries
  readonly blobs: BlobQueries
  readonly answers: AnswerQueries
}

/** The statements that make a change of a node, in order. */
export function planChange(
  { access, usage, files, blobs, answers }: ChangeQueries,
  change: Change,
  node: number | null,
): readonly BoundStatement[] {
  switch (change.kind) {
    case 'organization.insert':
      return [bound(access.insertOrganization, change.organization)]
    case 'project.insert':
      return [bound(access.insertProject, change.project)]
    case 'key.insert':
      return [bound(access.insertKey, change.key)]
    case 'key.revoke':
      return [bound(access.revokeKey, change)]
    case 'link-key.insert':
      return [bound(access.insertLinkKey, change.linkKey)]
    case 'session.insert':
      return [bound(access.insertSession, change.session)]
    case 'session.delete':
      return [bound(access.deleteSession, change)]
    case 'session.purge':
      return [bound(access.purgeSessions, change)]
    case 'quota.set':
      return [bound(usage.setQuota[change.holder], change)]
    case 'usage.add':
      return usage.add(change.usage)
    case 'file.insert':
      return [bound(files.insert, change.file)]
    case 'file.update':
      return [files.update(change.id, change.guard, change.patch)]
    case 'blob.intend':
      return [bound(blobs.intend, intention(change.blob, change.reserved, node))]
    case 'blob.claim':
      return [bound(blobs.claim, change)]
    case 'blob.release':
      return [
        bound(blobs.hold, change.blob),
        ...usage.giveBack.map((one) => bound(one, change.blob)),
        bound(blobs.release, change.blob),
      ]
    case 'blob.collect':
      return [
        bound(blobs.hold, change),
        ...usage.giveBack.map((one) => bound(one, change)),
        bound(blobs.collect, change),
      ]
    case 'blob.forget':
      return [bound(blobs.forget, change)]
    case 'answer.claim':
      return [bound(answers.claim, { ...change, ...change.slot, node })]
    case 'answer.save':
      return [bound(answers.save, { ...change, ...change.slot, ...change.answer })]
    case 'answer.drop':
      return [bound(answers.drop, { ...change, ...change.slot })]
    case 'answer.purge':
      return [bound(answers.purge, change)]
    case 'answer.free-abandoned':
      return [bound(answers.freeAbandoned, {})]
    case 'bytes-place.note':
      return [bound(access.noteBytesPlace, change)]
    case 'leases.end':
      return [
        bound(answers.endReservations, change),
        bound(blobs.holdIntentions, change),
        ...usage.giveAllBack.map((one) => bound(one, change)),
        bound(blobs.endIntentions, change),
      ]
    default:
      throw new TypeError(`Unknown change ${JSON.stringify(change satisfies never)}`)
  }
}

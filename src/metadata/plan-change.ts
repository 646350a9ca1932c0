import type { Kysely } from 'kysely'
import type { Change } from '../core/ports/changes.ts'
import { type AccessQueries, accessQueries } from './queries/access.ts'
import { type AnswerQueries, answerQueries, indexedSlot } from './queries/answers.ts'
import { type BlobQueries, blobQueries, intention } from './queries/blobs.ts'
import { FileQueries } from './queries/files.ts'
import { UsageQueries } from './queries/usage.ts'
import { CommitPlan } from './sql/commit-plan.ts'
import { withNormalName } from './sql/normal-name.ts'
import type { Step } from './sql/prepare.ts'
import type { Tables } from './sql/tables.ts'

export interface ChangeQueries {
  readonly access: AccessQueries
  readonly usage: UsageQueries
  readonly files: FileQueries
  readonly blobs: BlobQueries
  readonly answers: AnswerQueries
}

export function changeQueries(db: Kysely<Tables>): ChangeQueries {
  return {
    access: accessQueries(db),
    usage: new UsageQueries(db),
    files: new FileQueries(db),
    blobs: blobQueries(db),
    answers: answerQueries(db),
  }
}

/** The statements that make the changes of a node, in order. @throws StoreError `refused` for a text that cannot be stored */
export function planCommit(
  queries: ChangeQueries,
  changes: readonly Change[],
  node: number | null,
): readonly Step[] {
  const plan = new CommitPlan()
  for (const change of changes) {
    plan.begin(change.kind)
    planChange(plan, queries, change, node)
  }
  return plan.steps
}

function planChange(
  plan: CommitPlan,
  { access, usage, files, blobs, answers }: ChangeQueries,
  change: Change,
  node: number | null,
): CommitPlan {
  switch (change.kind) {
    case 'organization.insert':
      return plan.add(access.insertOrganization, change.organization)
    case 'project.insert':
      return plan.add(access.insertProject, change.project)
    case 'key.insert':
      return plan.add(access.insertKey, change.key)
    case 'key.revoke':
      return plan.add(access.revokeKey, change)
    case 'key.replace':
      return plan.add(access.replaceKey, change)
    case 'link-key.insert':
      return plan.add(access.insertLinkKey, change.linkKey)
    case 'session.insert':
      return plan.add(access.insertSession, change.session)
    case 'session.delete':
      return plan.add(access.deleteSession, change)
    case 'session.purge':
      return plan.add(access.purgeSessions, change)
    case 'quota.set':
      return plan.add(usage.setQuota[change.holder], change)
    case 'usage.add':
      return usage.add(plan, change.usage)
    case 'file.insert':
      return plan.add(files.insert, withNormalName(change.file))
    case 'file.update':
      return files.update(plan, change.id, change.guard, change.patch)
    case 'file.normalize-name':
      return plan.add(files.normalizeName, withNormalName(change.file))
    case 'blob.intend':
      return plan.add(blobs.intend, intention(change.blob, change.reserved, node))
    case 'blob.claim':
      return plan.add(blobs.claim, change)
    case 'blob.release':
      return plan
        .add(blobs.hold, change.blob)
        .addAll(usage.giveBack, change.blob)
        .add(blobs.release, change.blob)
    case 'blob.collect':
      return plan.add(blobs.hold, change).addAll(usage.giveBack, change).add(blobs.collect, change)
    case 'blob.collect-again':
      return plan.add(blobs.collectAgain, change)
    case 'blob.forget':
      return plan.add(blobs.forget, change)
    case 'answer.claim':
      return plan.add(answers.claim, { ...change, ...indexedSlot(change.slot), node })
    case 'answer.save':
      return plan.add(answers.save, { ...change, ...indexedSlot(change.slot), ...change.answer })
    case 'answer.renew':
      return plan.add(answers.renew, { ...change, ...indexedSlot(change.slot) })
    case 'answer.drop':
      return plan.add(answers.drop, { ...change, ...indexedSlot(change.slot) })
    case 'answer.purge':
      return plan.add(answers.purge, change)
    case 'answer.free-abandoned':
      return plan.add(answers.freeAbandoned, {})
    case 'bytes-place.note':
      return plan.add(access.noteBytesPlace, change)
    case 'clock.note':
      return plan.add(access.noteClockTrust, change.trust)
    case 'leases.end':
      plan.add(answers.endReservations, change)
      return plan
        .add(blobs.holdIntentions, change)
        .addAll(usage.giveAllBack, change)
        .add(blobs.endIntentions, change)
    default:
      throw new TypeError(`Unknown change ${JSON.stringify(change satisfies never)}`)
  }
}

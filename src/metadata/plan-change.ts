import { StoreError } from '../core/errors.ts'
import type { Change } from '../core/ports/changes.ts'
import { accessQueries } from './queries/access.ts'
import { answerQueries, indexedSlot } from './queries/answers.ts'
import { blobQueries, intention } from './queries/blobs.ts'
import { fileQueries } from './queries/files.ts'
import { usageQueries } from './queries/usage.ts'
import type { SqlFlavour } from './sql/flavours.ts'
import { withNormalName } from './sql/normal-name.ts'
import type { Statement, Step } from './sql/prepare.ts'
import type { SqlValue } from './sql/tables.ts'

export type ChangeQueries = ReturnType<typeof changeQueries>

export function changeQueries(flavour: SqlFlavour) {
  const db = flavour.builder
  return {
    access: accessQueries(db),
    usage: usageQueries(db),
    files: fileQueries(flavour),
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
  return changes.flatMap((change) => planChange(queries, change, node))
}

function planChange(
  { access, usage, files, blobs, answers }: ChangeQueries,
  change: Change,
  node: number | null,
): readonly Step[] {
  const steps = <Args>(args: Args, ...statements: readonly Statement<Args>[]): readonly Step[] =>
    statements.map((statement) => ({
      statement,
      values: storable(statement.bind(args)),
      change: change.kind,
    }))
  switch (change.kind) {
    case 'organization.insert':
      return steps(change.organization, access.insertOrganization)
    case 'project.insert':
      return steps(change.project, access.insertProject)
    case 'key.insert':
      return steps(change.key, access.insertKey)
    case 'key.revoke':
      return steps(change, access.revokeKey)
    case 'key.replace':
      return steps(change, access.replaceKey)
    case 'link-key.insert':
      return steps(change.linkKey, access.insertLinkKey)
    case 'session.insert':
      return steps(change.session, access.insertSession)
    case 'session.delete':
      return steps(change, access.deleteSession)
    case 'session.purge':
      return steps(change, access.purgeSessions)
    case 'quota.set':
      return steps(change, usage.setQuota[change.holder])
    case 'usage.add': {
      const { organizationId, projectId, ...grown } = change.usage
      // The organization first; see `holders`.
      return [
        ...steps({ ...grown, id: organizationId }, usage.addition('organization', grown)),
        ...steps({ ...grown, id: projectId }, usage.addition('project', grown)),
      ]
    }
    case 'file.insert':
      return steps(withNormalName(change.file), files.insert)
    case 'file.update':
      return steps(...files.update(change.id, change.guard, change.patch))
    case 'file.normalize-name':
      return steps(withNormalName(change.file), files.normalizeName)
    case 'blob.intend':
      return steps(intention(change.blob, change.reserved, node), blobs.intend)
    case 'blob.claim':
      return steps(change, blobs.claim)
    case 'blob.release':
      return steps(change.blob, blobs.hold, ...usage.giveBack, blobs.release)
    case 'blob.collect':
      return steps(change, blobs.hold, ...usage.giveBack, blobs.collect)
    case 'blob.collect-again':
      return steps(change, blobs.collectAgain)
    case 'blob.forget':
      return steps(change, blobs.forget)
    case 'answer.claim':
      return steps({ ...change, ...indexedSlot(change.slot), node }, answers.claim)
    case 'answer.save':
      return steps({ ...change, ...indexedSlot(change.slot), ...change.answer }, answers.save)
    case 'answer.renew':
      return steps({ ...change, ...indexedSlot(change.slot) }, answers.renew)
    case 'answer.drop':
      return steps({ ...change, ...indexedSlot(change.slot) }, answers.drop)
    case 'answer.purge':
      return steps(change, answers.purge)
    case 'answer.free-abandoned':
      return steps(change, answers.freeAbandoned)
    case 'bytes-place.note':
      return steps(change, access.noteBytesPlace)
    case 'clock.note':
      return steps(change.trust, access.noteClockTrust)
    case 'leases.end':
      return steps(
        change,
        answers.endReservations,
        blobs.holdIntentions,
        ...usage.giveAllBack,
        blobs.endIntentions,
      )
    default:
      throw new TypeError(`Unknown change ${JSON.stringify(change satisfies never)}`)
  }
}

/** PostgreSQL cannot hold a text with U+0000, and SQLite would cut it in places. */
function storable(values: readonly SqlValue[]): readonly SqlValue[] {
  if (values.some((value) => typeof value === 'string' && value.includes('\0'))) {
    throw new StoreError('refused', 'A text with the character U+0000 cannot be stored')
  }
  return values
}

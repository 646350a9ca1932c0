import { StoreError } from '../core/errors.ts'
import type { Change } from '../core/ports/changes.ts'
import { keyQueries, tenantQueries } from './queries/access.ts'
import { answerQueries, indexedSlot, lapsedAnswerQueries } from './queries/answers.ts'
import { blobChanges, intentionRow, releasedRow } from './queries/blobs.ts'
import { fileQueries } from './queries/files.ts'
import { installationQueries } from './queries/installation.ts'
import { usageQueries } from './queries/usage.ts'
import type { SqlFlavour } from './sql/flavours.ts'
import { withNormalName } from './sql/normal-name.ts'
import type { Statement, Step } from './sql/prepare.ts'

export type ChangeQueries = ReturnType<typeof changeQueries>

export function changeQueries(flavour: SqlFlavour) {
  const db = flavour.builder
  return {
    tenants: tenantQueries(db),
    keys: keyQueries(db),
    usage: usageQueries(db),
    files: fileQueries(flavour),
    blobs: blobChanges(db),
    answers: { ...answerQueries(db), ...lapsedAnswerQueries(db) },
    installation: installationQueries(db),
  }
}

/** The statements that make the changes of a node, in order. @throws StoreError `refused` for a text that cannot be stored */
export function planCommit(
  queries: ChangeQueries,
  changes: readonly Change[],
  node: number | null,
): readonly Step[] {
  const steps: Step[] = []
  for (const change of changes) {
    const plan = plans[change.kind] as Plan<Change['kind']>
    for (const { statement, values } of plan(queries, change, node))
      steps.push({ statement, values, change: change.kind })
  }
  return steps
}

type Bound = Omit<Step, 'change'>
type Plan<Kind> = (
  queries: ChangeQueries,
  change: Extract<Change, { readonly kind: Kind }>,
  node: number | null,
) => readonly Bound[]

const plans: { readonly [Kind in Change['kind']]: Plan<Kind> } = {
  'organization.insert': ({ tenants }, change) => bind(change.organization, tenants.insertOrganization),
  'project.insert': ({ tenants }, change) => bind(change.project, tenants.insertProject),
  'key.insert': ({ keys }, change) => bind(change.key, keys.insertKey),
  'key.revoke': ({ keys }, change) => bind(change, keys.revokeKey),
  'key.replace': ({ keys }, change) => bind(change, keys.replaceKey),
  'link-key.insert': ({ keys }, change) => bind(change.linkKey, keys.insertLinkKey),
  'session.insert': ({ keys }, change) => bind(change.session, keys.insertSession),
  'session.delete': ({ keys }, change) => bind(change, keys.deleteSession),
  'session.purge': ({ keys }, change) => bind(change, keys.purgeSessions),
  'quota.set': ({ usage }, change) => bind(change, usage[change.holder].setQuota),
  'usage.add': ({ usage }, { usage: { organizationId, projectId, ...grown } }) => [
    // The organization first; see `usageQueries`.
    ...bind({ ...grown, id: organizationId }, usage.organization.add),
    ...bind({ ...grown, id: projectId }, usage.project.add),
  ],
  'file.insert': ({ files }, change) => bind(withNormalName(change.file), files.insert),
  'file.update': ({ files }, { id, guard, patch }) => bind(...files.update(id, guard, patch)),
  'file.normalize-name': ({ files }, change) => bind(withNormalName(change.file), files.normalizeName),
  'blob.intend': ({ blobs }, { blob, reserved }, node) =>
    bind(intentionRow(blob, reserved, node), blobs.intend),
  'blob.claim': ({ blobs }, change) => bind(change, blobs.claim),
  'blob.release': ({ blobs, usage }, { blob }) =>
    bind(releasedRow(blob), blobs.hold, ...usage.giveBack, blobs.release),
  'blob.collect': ({ blobs, usage }, change) => bind(change, blobs.hold, ...usage.giveBack, blobs.collect),
  'blob.collect-again': ({ blobs }, change) => bind(change, blobs.collectAgain),
  'blob.forget': ({ blobs }, change) => bind(change, blobs.forget),
  'answer.claim': ({ answers }, change, node) =>
    bind({ ...change, ...indexedSlot(change.slot), node }, answers.claim),
  'answer.save': ({ answers }, change) =>
    bind({ ...change, ...indexedSlot(change.slot), ...change.answer }, answers.save),
  'answer.renew': ({ answers }, change) => bind({ ...change, ...indexedSlot(change.slot) }, answers.renew),
  'answer.drop': ({ answers }, change) => bind({ ...change, ...indexedSlot(change.slot) }, answers.drop),
  'answer.purge': ({ answers }, change) => bind(change, answers.purge),
  'answer.free-abandoned': ({ answers }, change) => bind(change, answers.freeAbandoned),
  'bytes-place.note': ({ installation }, change) => bind(change, installation.noteBytesPlace),
  'clock.note': ({ installation }, change) => bind(change.trust, installation.noteClockTrust),
  'leases.end': ({ answers, blobs, usage }, change) =>
    bind(change, answers.endReservations, blobs.holdIntentions, ...usage.giveAllBack, blobs.endIntentions),
}

/** PostgreSQL cannot hold a text with U+0000, and SQLite would cut it in places. */
function bind<Args>(args: Args, ...statements: readonly Statement<Args>[]): readonly Bound[] {
  return statements.map((statement) => {
    const values = statement.bind(args)
    if (values.some((value) => typeof value === 'string' && value.includes('\0')))
      throw new StoreError('refused', 'A text with the character U+0000 cannot be stored')
    return { statement, values }
  })
}

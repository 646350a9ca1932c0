import type { Change } from '../core/ports/changes.ts'
import { keyQueries, tenantQueries } from './queries/access.ts'
import { answerQueries, indexedSlot, lapsedAnswerQueries } from './queries/answers.ts'
import { blobChanges, intentionRow, releasedRow } from './queries/blobs.ts'
import { fileQueries } from './queries/files.ts'
import { installationQueries } from './queries/installation.ts'
import { linkQueries } from './queries/links.ts'
import { resetStatements } from './queries/reset.ts'
import { segmentQueries } from './queries/segments.ts'
import { sessionChanges } from './queries/sessions.ts'
import { usageQueries } from './queries/usage.ts'
import { usageHourQueries } from './queries/usage-hours.ts'
import type { SqlFlavour } from './sql/flavours.ts'
import { withNormalName } from './sql/normal-name.ts'
import type { Statement, Step } from './sql/prepare.ts'

export type ChangeQueries = ReturnType<typeof changeQueries>

export function changeQueries(flavour: SqlFlavour) {
  const db = flavour.builder
  return {
    tenants: tenantQueries(db),
    keys: keyQueries(db),
    links: linkQueries(db),
    sessions: sessionChanges(db),
    usage: usageQueries(db),
    usageHours: usageHourQueries(db),
    files: fileQueries(flavour),
    blobs: blobChanges(db),
    segments: segmentQueries(db),
    answers: { ...answerQueries(db), ...lapsedAnswerQueries(db) },
    installation: installationQueries(db),
    reset: resetStatements(db),
  }
}

/** The statements that make the changes of a node, in order. @throws StoreError `refused` for a text that cannot be stored */
export function planCommit(
  queries: ChangeQueries,
  changes: readonly Change[],
  node: number | null,
): readonly Step[] {
  const plan = new CommitPlan(node)
  for (const change of changes) {
    plan.change = change.kind
    const planChange = plans[change.kind] as PlanChange<Change['kind']>
    planChange(plan, queries, change)
  }
  return plan.steps
}

class CommitPlan {
  readonly steps: Step[] = []
  readonly node: number | null
  /** What the statements that are added next are a part of. */
  change: Change['kind'] | undefined

  constructor(node: number | null) {
    this.node = node
  }

  add<Args>(args: Args, ...statements: readonly Statement<Args>[]): void {
    const change = this.change as Change['kind']
    for (const statement of statements) this.steps.push({ statement, values: statement.bind(args), change })
  }
}

type PlanChange<Kind> = (
  plan: CommitPlan,
  queries: ChangeQueries,
  change: Extract<Change, { readonly kind: Kind }>,
) => void

const plans: { readonly [Kind in Change['kind']]: PlanChange<Kind> } = {
  'organization.insert': (plan, { tenants }, change) =>
    plan.add(change.organization, tenants.insertOrganization),
  'project.insert': (plan, { tenants }, change) => plan.add(change.project, tenants.insertProject),
  'key.insert': (plan, { keys }, change) => plan.add(change.key, keys.insertKey),
  'key.revoke': (plan, { keys }, change) => plan.add(change, keys.revokeKey),
  'key.replace': (plan, { keys }, change) => plan.add(change, keys.replaceKey),
  'key.set-role': (plan, { keys }, change) => plan.add(change, keys.setRole),
  'link-key.insert': (plan, { keys }, change) => plan.add(change.linkKey, keys.insertLinkKey),
  'link.insert': (plan, { links }, { link, maxPerFile }) => {
    plan.add(link, links.holdFile)
    plan.add({ ...link, maxPerFile }, links.insert)
  },
  'link.delete': (plan, { links }, change) => plan.add(change, links.delete),
  'link.purge': (plan, { links }, change) => plan.add(change, links.purge),
  'session.insert': (plan, { sessions }, { session }) =>
    'keyId' in session ? plan.add(session, sessions.insertOfKey) : plan.add(session, sessions.insertOfGrant),
  'session.touch': (plan, { sessions }, change) => plan.add(change, ...sessions.touch),
  'session.delete': (plan, { sessions }, change) => plan.add(change, ...sessions.remove),
  'session.purge': (plan, { sessions }, change) => plan.add(change, ...sessions.purge),
  'quota.set': (plan, { usage }, change) => plan.add(change, usage[change.holder].setQuota),
  'usage.add': (plan, { usage }, { usage: { organizationId, projectId, files, bytes } }) => {
    // The organization first; see `usageQueries`.
    plan.add({ id: organizationId, files, bytes }, usage.organization.add)
    plan.add({ id: projectId, files, bytes }, usage.project.add)
  },
  'usage-hour.add': (plan, { usageHours }, { counted, isEnding }) =>
    plan.add({ ...counted, isEnding }, usageHours.addTo(counted)),
  'usage-hours.purge': (plan, { usageHours }, change) => plan.add(change, usageHours.purge),
  'usage-hours.begin': (plan, { usageHours }, change) => plan.add(change, ...usageHours.begin),
  'file.insert': (plan, { files }, change) => plan.add(...files.insert(withNormalName(change.file))),
  'file.update': (plan, { files }, { id, guard, patch }) => plan.add(...files.update(id, guard, patch)),
  'file.normalize-name': (plan, { files }, change) =>
    plan.add(withNormalName(change.file), files.normalizeName),
  'name-changes.forget': (plan, { files }, change) => plan.add(change, files.forgetNameChanges),
  'blob.intend': (plan, { blobs }, { blob, reserved }) =>
    plan.add(intentionRow(blob, reserved, plan.node), blobs.intend),
  'blob.claim': (plan, { blobs }, change) => plan.add(change, blobs.claim),
  'blob.release': (plan, { blobs, usage }, { blob }) =>
    plan.add(releasedRow(blob), blobs.hold, ...usage.giveBack, blobs.release),
  'blob.collect': (plan, { blobs, usage }, change) =>
    plan.add(change, blobs.hold, ...usage.giveBack, blobs.collect),
  'blob.collect-again': (plan, { blobs }, change) => plan.add(change, blobs.collectAgain),
  'blob.forget': (plan, { blobs }, change) => plan.add(change, blobs.forget),
  'segment.insert': (plan, { segments }, { fileId, segment }) =>
    plan.add({ fileId, ...segment }, segments.insert),
  'segment.place': (plan, { segments }, change) => plan.add(change, segments.place),
  'segment.release': (plan, { segments }, { fileId, segment: { start, sha256 }, blob }) =>
    plan.add(
      { ...releasedRow({ key: '', ...blob }), fileId, start, sha256 },
      segments.releaseBlob,
      segments.remove,
    ),
  'segments.release': (plan, { segments }, { fileId, blobs }) =>
    plan.add(
      { ...releasedRow({ key: '', ...blobs }), fileId, start: 0 },
      segments.releaseAllBlobs,
      segments.removeAll,
    ),
  'answer.claim': (plan, { answers }, change) =>
    plan.add({ ...change, ...indexedSlot(change.slot), node: plan.node }, answers.claim),
  'answer.save': (plan, { answers }, change) =>
    plan.add({ ...change, ...indexedSlot(change.slot), ...change.answer }, answers.save),
  'answer.renew': (plan, { answers }, change) =>
    plan.add({ ...change, ...indexedSlot(change.slot) }, answers.renew),
  'answer.drop': (plan, { answers }, change) =>
    plan.add({ ...change, ...indexedSlot(change.slot) }, answers.drop),
  'answer.purge': (plan, { answers }, change) => plan.add(change, answers.purge),
  'answer.free-abandoned': (plan, { answers }, change) => plan.add(change, answers.freeAbandoned),
  'bytes-place.note': (plan, { installation }, change) => plan.add(change, installation.noteBytesPlace),
  'clock.note': (plan, { installation }, change) => plan.add(change.trust, installation.noteClockTrust),
  'emulator.note': (plan, { installation }, change) => plan.add(change.time, installation.noteEmulatedTime),
  'emulator.reset': (plan, { installation, reset }, change) => {
    plan.add(
      { ...releasedRow({ key: '', collectAfter: change.now, mayComeLate: false }), ...change },
      ...reset,
    )
    plan.add(change.time, installation.noteEmulatedTime)
  },
  'leases.end': (plan, { answers, blobs, usage }, change) =>
    plan.add(
      change,
      answers.endReservations,
      blobs.holdIntentions,
      ...usage.giveAllBack,
      blobs.endIntentions,
    ),
}

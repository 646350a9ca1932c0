import type { Registry } from 'prom-client'
import type { Totals } from '../core/ports/totals.ts'
import { addAskedGauge, oncePerScrape, type Sample } from './asked-gauge.ts'

/** How many organizations are told of by name, of each gauge. */
export const NAMED_ORGANIZATIONS = 20
/** Stands for all organizations that are not named. One that is called so itself is among them. */
const OTHER = 'other'

/** What all servers of an installation tell alike. Without an answer of the database there are no samples. */
export function addInstallationGauges(registry: Registry, find: () => Promise<Totals | undefined>): void {
  const findOnce = oncePerScrape(find)
  const add = (name: string, help: string, labelNames: string[], read: (totals: Totals) => Sample[]) =>
    addAskedGauge(registry, { name: `entrepot_${name}`, help, labelNames }, async () => {
      const totals = await findOnce()
      return totals ? read(totals) : []
    })
  add('files', 'Files by state; those that ended and await removal are stored still.', ['state'], (totals) =>
    samplesBy('state', totals.files),
  )
  add('organizations', 'Organizations.', [], ({ organizations }) => [{ value: organizations }])
  add('usage_files', 'Files that count against quotas: stored, pending and reserved.', [], ({ usage }) => [
    { value: usage.files },
  ])
  add('usage_bytes', 'Bytes that count against quotas: stored, announced and reserved.', [], ({ usage }) => [
    { value: usage.bytes },
  ])
  for (const resource of ['files', 'bytes'] as const)
    add(
      `organization_usage_${resource}`,
      `Of what counts against quotas, the ${resource} of the organizations with most bytes, and of all others together.`,
      ['organization'],
      (totals) => usageSamples(totals, resource),
    )
  add(
    'organization_quota_used_ratio',
    'Used part of a quota, from 0 to 1, of the organizations that use most of theirs.',
    ['organization', 'resource'],
    quotaSamples,
  )
  add(
    'unreferenced_blobs',
    'Blobs of no file, counted to 10,000: being received, waiting until their removal is due, or due.',
    ['state'],
    ({ unreferencedBlobs }) => samplesBy('state', unreferencedBlobs),
  )
}

function samplesBy(label: string, counts: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value }))
}

function usageSamples({ usage, largest }: Totals, resource: 'files' | 'bytes'): Sample[] {
  const named = largest.filter(({ slug }) => slug !== OTHER)
  const rest = named.reduce((sum, organization) => sum - organization[resource], usage[resource])
  // Read one after the other, the sum may be older than its parts.
  const others = { slug: OTHER, value: Math.max(0, rest) }
  return [...named.map(({ slug, [resource]: value }) => ({ slug, value })), others].map(
    ({ slug, value }) => ({
      labels: { organization: slug },
      value,
    }),
  )
}

function quotaSamples({ fullest }: Totals): Sample[] {
  return (['files', 'bytes'] as const).flatMap((resource) =>
    fullest[resource].map(({ slug, used, quota }) => ({
      labels: { organization: slug, resource },
      value: used / quota,
    })),
  )
}

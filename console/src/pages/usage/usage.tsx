import { useEffect } from 'preact/hooks'
import { api } from '../../api/client.ts'
import type { UsagePoint } from '../../api/operating.ts'
import { useResource } from '../../api/resource.ts'
import { place, setQuery } from '../../router.ts'
import { hasRole, me, project } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { Failure } from '../../ui/failure.tsx'
import { PageFrame } from '../../ui/page.tsx'
import { Progress } from '../../ui/progress.tsx'
import { Time } from '../../ui/text.tsx'
import { Numbers } from './numbers.tsx'
import { Plots } from './plots.tsx'
import { countedFrom, RANGES, rangeOf } from './series.ts'
import { UsageTable } from './table.tsx'
import styles from './usage.module.css'

/** Servers add to the hour once a minute. */
const REFRESH_MS = 60_000

/** Files, bytes, requests and traffic over time, of the chosen project or of all. */
export function UsagePage() {
  const range = rangeOf(place.value.query.get('range'))
  const { value, error, isLoading, reload } = useResource((signal) => {
    const { step, hours } = rangeOf(place.value.query.get('range'))
    // Up to the server's now: the clock of the browser may be wrong.
    const query = { step, hours, project: askedProject() }
    return api.get<{ readonly series: readonly UsagePoint[] }>('usage', { query, signal })
  })
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && reload(), REFRESH_MS)
    return () => clearInterval(timer)
  }, [reload])
  const series = value.value?.series
  return (
    <PageFrame title="Usage" actions={<RangeChooser current={range.name} />}>
      <p class={styles.about}>
        {whose()} Numbers of the current {range.step} go on; servers add to them once a minute.
      </p>
      {error.value !== undefined && <Failure what="Usage" error={error.value} retry={reload} />}
      {series === undefined && isLoading.value && <Progress label="Usage is loading" total={1} />}
      {series !== undefined && (
        <>
          <Numbers series={series} range={range} />
          <Since at={countedFrom(series)} />
          <Plots series={series} range={range} />
          <UsageTable series={series} range={range} />
        </>
      )}
    </PageFrame>
  )
}

/** Undefined: the server's own choice, which for an admin is all of the organization. */
function askedProject(): string | undefined {
  return project.value === '*' ? undefined : project.value
}

function whose(): string {
  if (project.value !== '*') return `Of the project ${project.value}.`
  if (hasRole('admin')) return `Of all projects of ${me.value?.organization.slug}.`
  const { projects = [] } = me.value ?? {}
  return `Of the project ${projects[0]?.slug}${projects.length > 1 ? '; others can be chosen' : ''}.`
}

function RangeChooser({ current }: { readonly current: string }) {
  return (
    <fieldset class={styles.ranges} aria-label="Time">
      {RANGES.map(({ name, label }) => (
        <Button
          key={name}
          kind={name === current ? 'plain' : 'quiet'}
          aria-pressed={name === current}
          onClick={() => setQuery({ range: name === RANGES[0].name ? null : name })}
        >
          {label}
        </Button>
      ))}
    </fieldset>
  )
}

function Since({ at }: { readonly at: string | undefined }) {
  if (at === undefined) return null
  return (
    <p class={styles.about}>
      Counting began <Time iso={at} />; what was before is not known.
    </p>
  )
}

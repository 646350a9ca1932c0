import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { api } from '../../api/client.ts'
import type { HealthBody, JobsBody, SettingBody } from '../../api/operating.ts'
import { type Resource, useResource } from '../../api/resource.ts'
import { Button } from '../../ui/button.tsx'
import { Failure } from '../../ui/failure.tsx'
import { PageFrame, Section } from '../../ui/page.tsx'
import { Progress } from '../../ui/progress.tsx'
import { Health } from './health.tsx'
import { InForce } from './in-force.tsx'
import { Jobs } from './jobs.tsx'
import styles from './settings.module.css'

/** As often as a server looks at its stores. */
const REFRESH_MS = 15_000

/** How the server is, what it does in the background, and the settings that it goes by. */
export function SettingsPage() {
  const health = useResource((signal) => api.get<HealthBody>('health', { signal }))
  const jobs = useResource((signal) => api.get<JobsBody>('jobs', { signal }))
  const settings = useResource((signal) =>
    api.get<{ readonly settings: readonly SettingBody[] }>('settings', { signal }),
  )
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState !== 'visible') return
      health.reload()
      jobs.reload()
    }, REFRESH_MS)
    return () => clearInterval(timer)
  }, [health.reload, jobs.reload])
  const reload = () => {
    for (const { reload } of [health, jobs, settings]) reload()
  }
  return (
    <PageFrame
      title="Settings & health"
      actions={
        <Button icon="retry" isBusy={health.isLoading.value} onClick={reload}>
          Look again
        </Button>
      }
    >
      <p class={styles.about}>
        Of the server that answers this page. Settings are changed where it is started, and hold from its next
        start.
      </p>
      <Loaded of={health} what="Health">
        {(value) => <Health health={value} />}
      </Loaded>
      <Section title="Jobs">
        <Loaded of={jobs} what="Jobs">
          {(value) => <Jobs {...value} />}
        </Loaded>
      </Section>
      <Section title="Settings in force">
        <Loaded of={settings} what="Settings">
          {(value) => <InForce settings={value.settings} />}
        </Loaded>
      </Section>
    </PageFrame>
  )
}

function Loaded<Value>({
  of: { value, error, isLoading, reload },
  what,
  children,
}: {
  readonly of: Resource<Value>
  readonly what: string
  readonly children: (value: Value) => ComponentChildren
}) {
  return (
    <>
      {error.value !== undefined && <Failure what={what} error={error.value} retry={reload} />}
      {value.value === undefined && isLoading.value && <Progress label={`${what} is loading`} total={1} />}
      {value.value !== undefined && children(value.value)}
    </>
  )
}

import type { HealthBody, HealthState, NodeBody } from '../../api/operating.ts'
import { Icon } from '../../ui/icon.tsx'
import { Section } from '../../ui/page.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { fromNow, sizeOf, Time } from '../../ui/text.tsx'
import styles from './settings.module.css'

const SUMMARIES: Readonly<Record<HealthState, string>> = {
  ok: 'All is well.',
  warning: 'It works, and something needs a look.',
  failed: 'Something does not work.',
}

const NAMES: Readonly<Record<string, string>> = {
  database: 'Database',
  bytes: 'Bytes',
  disk: 'Disk',
  clock: 'Clock',
  certificate: 'Certificate',
  jobs: 'Jobs',
  servers: 'Servers',
}

export function Health({ health }: { readonly health: HealthBody }) {
  const { state, checks, disk, nodes } = health
  return (
    <>
      <p class={styles.summary} data-state={state} role="status">
        <Icon name={state === 'ok' ? 'check' : 'warning'} />
        {SUMMARIES[state]}
      </p>
      <ul class={styles.checks}>
        {checks.map((check) => (
          <li key={check.name} class={styles.check} data-state={check.state}>
            <Icon name={check.state === 'ok' ? 'check' : 'warning'} />
            <strong class={styles.checkName}>{NAMES[check.name] ?? check.name}</strong>
            <span class={styles.detail}>
              {check.state !== 'ok' && <span class={styles.word}>{check.state}: </span>}
              {check.detail}
            </span>
          </li>
        ))}
      </ul>
      {disk !== null && <DiskMeter disk={disk} />}
      <Section title="This server">
        <Facts server={health.server} />
      </Section>
      {nodes.length > 0 && (
        <Section title="Servers that share the database">
          <Table
            label="Servers that share the database"
            columns={nodesAt(Date.parse(health.at))}
            rows={nodes}
            keyOf={({ id }) => String(id)}
          />
        </Section>
      )}
    </>
  )
}

function DiskMeter({ disk }: { readonly disk: NonNullable<HealthBody['disk']> }) {
  const { freeBytes, sizeBytes, reserveBytes } = disk
  return (
    <div class={styles.disk}>
      <meter
        class={styles.meter}
        aria-label="Used of the disk of the data folder"
        min={0}
        max={sizeBytes}
        low={sizeBytes - 2 * reserveBytes}
        high={sizeBytes - reserveBytes}
        optimum={0}
        value={sizeBytes - freeBytes}
      />
      <span class={styles.about}>
        {sizeOf(freeBytes)} of {sizeOf(sizeBytes)} free; uploads leave {sizeOf(reserveBytes)}
      </span>
    </div>
  )
}

function Facts({ server }: { readonly server: HealthBody['server'] }) {
  const facts = [
    ['Release', server.commit === null ? server.version : `${server.version} (${server.commit})`],
    ['Node.js', server.node],
    ['Started', <Time key="started" iso={server.startedAt} />],
    ['Address', server.publicUrl],
    ['gRPC', server.grpcAddress ?? 'off'],
    ['Metrics', server.metricsUrl ?? 'off'],
    ['Rows', server.database === 'sqlite' ? 'SQLite, in the data folder' : 'PostgreSQL'],
    ['Bytes', server.bytes === 'disk' ? 'on the disk of the data folder' : 'in a bucket'],
    ...(server.isEmulator ? [['Emulator', 'its data are for tests'] as const] : []),
  ] as const
  return (
    <dl class={styles.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** @param now of the server, in ms */
const nodesAt = (now: number): readonly Column<NodeBody>[] => [
  { name: 'Server', cell: ({ id, isThis }) => `${id}${isThis ? ' (this one)' : ''}` },
  { name: 'Release', cell: ({ version }) => version ?? 'does not tell' },
  { name: 'Seen', cell: ({ seenAt }) => fromNow(seenAt, now) },
  { name: 'Jobs', cell: ({ leads }) => (leads ? 'runs those of all' : '') },
]

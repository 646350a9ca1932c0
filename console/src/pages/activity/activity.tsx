import { useComputed, useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { place, setQuery } from '../../router.ts'
import { hasRole, me } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { CopyText } from '../../ui/copy.tsx'
import { Empty } from '../../ui/empty.tsx'
import { type Option, SelectField, TextField } from '../../ui/field.tsx'
import { PageFrame } from '../../ui/page.tsx'
import { countOf } from '../../ui/text.tsx'
import styles from './activity.module.css'
import { dialectsIn, filterRequests, type Outcome } from './filter.ts'
import { Requests } from './requests.tsx'
import { openTail, type Tail } from './tail.ts'

const OUTCOMES: readonly Option[] = [
  { value: '', label: 'All' },
  { value: 'ok', label: 'Succeeded' },
  { value: 'failed', label: 'Failed' },
  { value: 'fault', label: 'Faults of the server' },
]

/** The requests of the server as they end. */
export function ActivityPage() {
  const ofAll = hasRole('operator') && place.value.query.get('of') !== 'own'
  const organization = hasRole('operator') && !ofAll ? me.value?.organization.id : undefined
  const tail = useMemo(() => openTail(organization), [organization])
  useEffect(() => () => tail.end(), [tail])
  return (
    <PageFrame title="Activity" actions={<Controls tail={tail} />}>
      <p class={styles.about}>
        Requests of the server that answers this page, as they end. Of an address only its route is told: no
        names, no keys, no links.
      </p>
      <State tail={tail} />
      <Filtered tail={tail} ofAll={ofAll} />
    </PageFrame>
  )
}

function Controls({ tail }: { readonly tail: Tail }) {
  const { isPaused } = tail
  return (
    <>
      <Button
        icon={isPaused.value ? 'play' : 'pause'}
        onClick={() => {
          isPaused.value = !isPaused.value
        }}
      >
        {isPaused.value ? 'Go on' : 'Pause'}
      </Button>
      <Button kind="quiet" onClick={() => tail.clear()}>
        Clear
      </Button>
    </>
  )
}

function State({ tail: { state, isPaused, waiting, dropped } }: { readonly tail: Tail }) {
  return (
    <p class={styles.state} data-state={isPaused.value ? 'paused' : state.value}>
      <span class={styles.dot} aria-hidden="true" />
      <span role="status">
        {state.value === 'connecting' && 'Connecting…'}
        {state.value === 'lost' &&
          'The connection is lost; it is tried again. Requests in between are not shown.'}
        {state.value === 'open' && (isPaused.value ? 'Paused' : 'Live')}
      </span>
      {isPaused.value && waiting.value > 0 && <span>{countOf(waiting.value)} wait</span>}
      {dropped.value > 0 && <span>{countOf(dropped.value)} were left out: they came too fast</span>}
    </p>
  )
}

function Filtered({ tail, ofAll }: { readonly tail: Tail; readonly ofAll: boolean }) {
  const outcome = useSignal<Outcome>('')
  const dialect = useSignal('')
  const text = useSignal('')
  const shown = useComputed(() =>
    filterRequests(tail.requests.value, {
      outcome: outcome.value,
      dialect: dialect.value,
      text: text.value,
    }),
  )
  const all = tail.requests.value
  const named = [...new Set([...dialectsIn(all), ...(dialect.value === '' ? [] : [dialect.value])])]
  return (
    <>
      <fieldset class={styles.filters} aria-label="Filters">
        <SelectField
          label="Outcome"
          options={OUTCOMES}
          value={outcome.value}
          onChoice={(value) => {
            outcome.value = value as Outcome
          }}
        />
        <SelectField
          label="Through"
          options={[{ value: '', label: 'Any' }, ...named.map((value) => ({ value, label: value }))]}
          value={dialect.value}
          onChoice={(value) => {
            dialect.value = value
          }}
        />
        {hasRole('operator') && (
          <SelectField
            label="Of"
            options={[
              { value: '', label: 'Everybody' },
              { value: 'own', label: me.value?.organization.slug ?? '' },
            ]}
            value={ofAll ? '' : 'own'}
            onChoice={(value) => setQuery({ of: value })}
          />
        )}
        <TextField
          label="Contains"
          type="search"
          placeholder="route, code, id"
          value={text.value}
          onText={(value) => {
            text.value = value
          }}
        />
      </fieldset>
      {all.length === 0 ? <Nothing /> : <Requests requests={shown.value} total={all.length} ofAll={ofAll} />}
    </>
  )
}

/** Teaches how to make something appear. */
function Nothing() {
  const url = me.value?.publicUrl ?? ''
  return (
    <Empty title="No request yet">
      <p>Each appears here once it is answered. Try one, with your key in $KEY:</p>
      <CopyText text={`curl -sS ${url}/admin/v1/files -H "Authorization: Bearer $KEY"`} what="the command" />
    </Empty>
  )
}

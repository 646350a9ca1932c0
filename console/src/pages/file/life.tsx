import { useSignal } from '@preact/signals'
import type { FileBody } from '../../api/bodies.ts'
import type { Change } from '../../api/changes.ts'
import { SelectField, TextField } from '../../ui/field.tsx'
import { countOf, fromNow, Time } from '../../ui/text.tsx'
import { changeFile } from './change.ts'
import { Editable, InputError } from './editable.tsx'
import styles from './life.module.css'
import type { FileProps } from './texts.tsx'

/** When it came, was used and ends, in order, and by which rule. */
export function Life({ file, onFile }: FileProps) {
  const { createdAt, storedAt, lastActiveAt, expiresAt } = file
  const marks = [
    { what: 'Created', at: createdAt },
    ...(storedAt === null || storedAt === createdAt ? [] : [{ what: 'Stored', at: storedAt }]),
    ...(lastActiveAt === createdAt ? [] : [{ what: 'Last active', at: lastActiveAt }]),
    ...(expiresAt === null ? [] : [{ what: 'Ends', at: expiresAt }]),
  ].sort((one, other) => Date.parse(one.at) - Date.parse(other.at))
  return (
    <>
      <ol class={styles.line}>
        {marks.map(({ what, at }) => (
          <li key={what} class={what === 'Ends' ? styles.end : undefined}>
            <span class={styles.what}>{what}</span>
            <Time iso={at} />
            <span class={styles.ago}>{fromNow(at)}</span>
          </li>
        ))}
        {expiresAt === null && (
          <li class={styles.open}>
            <span class={styles.what}>No end</span>
            <span class={styles.ago}>until it is deleted</span>
          </li>
        )}
      </ol>
      {file.state === 'stored' ? <EditableEnd file={file} onFile={onFile} /> : <p>{ruleOf(file)}</p>}
    </>
  )
}

function ruleOf({ expiry: { policy, days }, state }: FileBody): string {
  if (state === 'pending')
    return 'The upload is under way; the life of the file begins when its bytes are there.'
  const span = days === 1 ? 'a day' : `${countOf(days ?? 0)} days`
  if (policy === 'since_created') return `It ends ${span} after its creation.`
  if (policy === 'since_last_active') return `It ends ${span} after it was last used: each use moves the end.`
  return policy === 'at' ? 'It ends at a fixed time.' : 'It stays until it is deleted.'
}

const policies = [
  { value: 'never', label: 'Never, only by hand' },
  { value: 'at', label: 'At a time' },
  { value: 'since_created', label: 'Days after its creation' },
  { value: 'since_last_active', label: 'Days after it was last used' },
] as const
type Policy = (typeof policies)[number]['value']

function EditableEnd({ file, onFile }: FileProps) {
  const policy = useSignal<Policy>('never')
  const days = useSignal('')
  const at = useSignal('')
  return (
    <Editable
      what="the end"
      begin={() => {
        policy.value = file.expiry.policy
        days.value = String(file.expiry.days ?? 30)
        at.value = localOf(file.expiresAt ?? new Date(Date.now() + 7 * 86_400_000).toISOString())
      }}
      save={() => changeFile(file, changeOf(policy.value, days.value, at.value), 'End changed', onFile)}
      form={(error) => (
        <>
          <SelectField
            label="The file ends"
            options={policies}
            value={policy.value}
            error={policy.value === 'never' ? error : undefined}
            onChoice={(value) => {
              policy.value = value as Policy
            }}
          />
          {policy.value === 'at' && (
            <TextField
              label="Time, in your zone"
              type="datetime-local"
              value={at.value}
              error={error}
              isRequired
              onText={(text) => {
                at.value = text
              }}
            />
          )}
          {policy.value.startsWith('since') && (
            <TextField
              label="Days"
              type="number"
              min={1}
              value={days.value}
              error={error}
              isRequired
              onText={(text) => {
                days.value = text
              }}
            />
          )}
        </>
      )}
    >
      {ruleOf(file)}
    </Editable>
  )
}

/** @throws InputError for what cannot be read */
function changeOf(policy: Policy, days: string, at: string): Change {
  if (policy === 'never') return { expiresAt: null }
  if (policy !== 'at') return { expiry: { policy, days: Number(days) } }
  const time = new Date(at)
  if (Number.isNaN(time.getTime())) throw new InputError('This is not a time.')
  return { expiresAt: time.toISOString() }
}

/** As an input of local times has it. */
function localOf(iso: string): string {
  const time = new Date(iso)
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

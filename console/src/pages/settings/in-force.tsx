import { useSignal } from '@preact/signals'
import type { SettingBody } from '../../api/operating.ts'
import { Empty } from '../../ui/empty.tsx'
import { SelectField, TextField } from '../../ui/field.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { countOf } from '../../ui/text.tsx'
import styles from './settings.module.css'

const SOURCES: Readonly<Record<SettingBody['from'], string>> = {
  flag: 'flag',
  environment: 'environment',
  default: 'default',
}

const COLUMNS: readonly Column<SettingBody>[] = [
  {
    name: 'Setting',
    cell: ({ name, help }) => (
      <>
        <code class={styles.name}>{name}</code>
        <span class={styles.help}>{help}</span>
      </>
    ),
  },
  { name: 'Value', cell: ({ value }) => <code class={styles.value}>{value}</code> },
  { name: 'From', cell: ({ from }) => SOURCES[from] },
]

/** Every setting, by what it says and where that is from. */
export function InForce({ settings }: { readonly settings: readonly SettingBody[] }) {
  const text = useSignal('')
  const from = useSignal('')
  const part = text.value.trim().toLowerCase()
  const shown = settings.filter((setting) => {
    if (from.value === 'given' && setting.from === 'default') return false
    return `${setting.name} ${setting.help} ${setting.value}`.toLowerCase().includes(part)
  })
  return (
    <>
      <fieldset class={styles.filters} aria-label="Which settings">
        <TextField
          label="Search settings"
          type="search"
          placeholder="name, value, what it is about"
          value={text.value}
          onText={(value) => {
            text.value = value
          }}
        />
        <SelectField
          label="Show"
          options={[
            { value: '', label: 'All' },
            { value: 'given', label: 'Only what was set' },
          ]}
          value={from.value}
          onChoice={(value) => {
            from.value = value
          }}
        />
      </fieldset>
      <p class={styles.about} role="status">
        {countOf(shown.length)} of {countOf(settings.length)} settings
      </p>
      {shown.length === 0 ? (
        <Empty title="No setting has this">
          <p>README.md of the server lists all of them.</p>
        </Empty>
      ) : (
        <Table label="Settings" columns={COLUMNS} rows={shown} keyOf={({ name }) => name} />
      )}
    </>
  )
}

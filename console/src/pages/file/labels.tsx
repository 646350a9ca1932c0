import { useSignal } from '@preact/signals'
import { Button } from '../../ui/button.tsx'
import { Name } from '../../ui/text.tsx'
import { changeFile } from './change.ts'
import { Editable, InputError } from './editable.tsx'
import styles from './labels.module.css'
import type { FileProps } from './texts.tsx'

/** A row of the form. The number tells rows of one text apart. */
interface Row {
  readonly row: number
  readonly key: string
  readonly value: string
}

let lastRow = 0

function rowsOf(labels: Readonly<Record<string, string>>): readonly Row[] {
  return Object.entries(labels).map(([key, value]) => ({ row: ++lastRow, key, value }))
}

/** @throws InputError for a name that is missing or there twice */
function labelsOf(rows: readonly Row[]): Record<string, string> {
  const used = rows.filter(({ key, value }) => key !== '' || value !== '')
  const names = used.map(({ key }) => key)
  if (names.includes('')) throw new InputError('A label needs a name.')
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new InputError(`There are two labels of the name ${twice}.`)
  // A label may be called __proto__.
  return Object.fromEntries(used.map(({ key, value }) => [key, value]))
}

export function EditableLabels({ file, onFile }: FileProps) {
  const rows = useSignal<readonly Row[]>([])
  const names = Object.entries(file.labels)
  return (
    <Editable
      what="labels"
      begin={() => {
        rows.value = [...rowsOf(file.labels), { row: ++lastRow, key: '', value: '' }]
      }}
      save={() => changeFile(file, { labels: labelsOf(rows.value) }, 'Labels changed', onFile)}
      form={(error) => (
        <LabelForm
          rows={rows.value}
          error={error}
          onRows={(changed) => {
            rows.value = changed
          }}
        />
      )}
    >
      {names.length === 0 && '–'}
      <ul class={styles.labels}>
        {names.map(([key, value]) => (
          <li key={key} class={styles.label}>
            <Name text={key} />
            <span class={styles.is}>=</span>
            <bdi>{value}</bdi>
          </li>
        ))}
      </ul>
    </Editable>
  )
}

interface LabelFormProps {
  readonly rows: readonly Row[]
  readonly error: string | undefined
  readonly onRows: (rows: readonly Row[]) => void
}

function LabelForm({ rows, error, onRows }: LabelFormProps) {
  const set = (row: number, change: Partial<Row>) =>
    onRows(rows.map((each) => (each.row === row ? { ...each, ...change } : each)))
  return (
    <>
      {rows.map(({ row, key, value }, at) => (
        <div key={row} class={styles.row}>
          <input
            class={styles.input}
            aria-label={`Name of label ${at + 1}`}
            placeholder="Name"
            value={key}
            onInput={({ currentTarget }) => set(row, { key: currentTarget.value })}
          />
          <input
            class={styles.input}
            aria-label={`Value of label ${at + 1}`}
            placeholder="Value"
            value={value}
            onInput={({ currentTarget }) => set(row, { value: currentTarget.value })}
          />
          <Button
            kind="quiet"
            icon="close"
            aria-label={`Remove label ${at + 1}`}
            onClick={() => onRows(rows.filter((each) => each.row !== row))}
          />
        </div>
      ))}
      <Button
        kind="quiet"
        icon="plus"
        onClick={() => onRows([...rows, { row: ++lastRow, key: '', value: '' }])}
      >
        Another label
      </Button>
      <p class={styles.error} role="alert">
        {error}
      </p>
    </>
  )
}

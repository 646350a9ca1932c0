import { useSignal } from '@preact/signals'
import type { FileBody } from '../../api/bodies.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { TextField } from '../../ui/field.tsx'
import { DialogForm, useForm } from '../../ui/form.tsx'
import { changeFile, changeFiles } from './change-files.ts'
import styles from './labels-dialog.module.css'
import type { FileDialogProps } from './rename-dialog.tsx'

interface Row {
  /** Of the row, whatever is typed into it. */
  readonly id: number
  readonly name: string
  readonly value: string
}

/** Of one file: its labels. Of many: labels that each is to have, besides its own. */
export function LabelsDialog({ view, files, onClose }: FileDialogProps) {
  const [file] = files
  const isOne = files.length === 1
  const rows = useSignal<readonly Row[]>(rowsOf(isOne ? file?.labels : {}))
  const form = useForm('labels')
  const set = (row: Row) => {
    rows.value = rows.value.map((each) => (each.id === row.id ? row : each))
  }
  const save = async () => {
    const given = givenIn(rows.value)
    if (given.some((row) => isAgain(row, given))) return
    if (given.some(({ name }) => name === '')) throw form.fault('labels', 'A label needs a name.')
    const labels = Object.fromEntries(given.map(({ name, value }) => [name, value]))
    const before = (isOne && file?.labels) || {}
    const all = { changeOf: changing(before, labels), done: 'labelled' }
    if (!isOne) void changeFiles(view, files, all)
    else if (file !== undefined) await changeFile(view, file, all)
    onClose()
  }
  return (
    <Dialog title={isOne ? 'Labels' : `Label ${files.length} files`} onClose={onClose}>
      <DialogForm form={form} action="Save" onSubmit={save} onClose={onClose}>
        {!isOne && <p class={styles.hint}>Each file keeps the labels that it has besides these.</p>}
        {rows.value.map((row) => (
          <LabelRow key={row.id} row={row} isAgain={isAgain(row, givenIn(rows.value))} set={set} />
        ))}
        <p class={styles.error} role="alert">
          {form.errorOf('labels')}
        </p>
        <Button
          kind="quiet"
          icon="plus"
          onClick={() => {
            rows.value = [...rows.value, newRow()]
          }}
        >
          Another label
        </Button>
      </DialogForm>
    </Dialog>
  )
}

interface LabelRowProps {
  readonly row: Row
  /** Whether a row above has the same name. */
  readonly isAgain: boolean
  readonly set: (row: Row) => void
}

function LabelRow({ row, isAgain, set }: LabelRowProps) {
  return (
    <div class={styles.row}>
      <TextField
        label="Label"
        value={row.name}
        onText={(name) => set({ ...row, name })}
        error={isAgain ? 'There is a label of this name above.' : undefined}
      />
      <TextField label="Value" value={row.value} onText={(value) => set({ ...row, value })} />
      <Button
        kind="quiet"
        icon="close"
        aria-label={row.name === '' ? 'Remove this label' : `Remove the label ${row.name}`}
        onClick={() => set({ ...row, name: '', value: '' })}
      />
    </div>
  )
}

type Labels = Readonly<Record<string, string>>

/** What was changed of the labels is changed of a file, whose others stay as they are by then. */
function changing(before: Labels, after: Labels): (file: FileBody) => { readonly labels: Labels } {
  const changed = Object.entries(after).filter(([name, value]) => before[name] !== value)
  const stays = ([name]: [string, string]) => Object.hasOwn(after, name) || !Object.hasOwn(before, name)
  return ({ labels }) => ({
    labels: Object.fromEntries([...Object.entries(labels).filter(stays), ...changed]),
  })
}

function givenIn(rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ name, value }) => name !== '' || value !== '')
}

/** A name has one value: which of two would be kept nobody could tell. */
function isAgain(row: Row, given: readonly Row[]): boolean {
  return given.includes(row) && given.find(({ name }) => name === row.name) !== row
}

let lastId = 0

function newRow(name = '', value = ''): Row {
  return { id: ++lastId, name, value }
}

/** One more than there are, to type in. */
function rowsOf(labels: Readonly<Record<string, string>> = {}): readonly Row[] {
  return [...Object.entries(labels).map(([name, value]) => newRow(name, value)), newRow()]
}

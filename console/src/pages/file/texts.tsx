import { useSignal } from '@preact/signals'
import type { FileBody } from '../../api/bodies.ts'
import type { Change } from '../../api/changes.ts'
import { TextField } from '../../ui/field.tsx'
import { Name } from '../../ui/text.tsx'
import { changeFile, type OnFile } from './change.ts'
import { Editable } from './editable.tsx'

export interface FileProps {
  readonly file: FileBody
  readonly onFile: OnFile
}

export interface TextProps extends FileProps {
  readonly field: 'name' | 'description' | 'purpose'
  readonly label: string
  /** What a change says when it is done. */
  readonly said: string
}

/** One text of a file. An empty one is none, but for a name, which may be empty. */
export function EditableText({ file, onFile, field, label, said }: TextProps) {
  const typed = useSignal('')
  const value = file[field]
  const save = async () => {
    const text = typed.value
    if (text === (value ?? '')) return
    const change: Change = field === 'name' ? { name: text } : { [field]: text === '' ? null : text }
    await changeFile(file, change, said, onFile)
  }
  return (
    <Editable
      what={label.toLowerCase()}
      save={save}
      begin={() => {
        typed.value = value ?? ''
      }}
      form={(error) => (
        <TextField
          label={label}
          value={typed.value}
          error={error}
          onText={(text) => {
            typed.value = text
          }}
        />
      )}
    >
      {value === null ? '–' : <Name text={value} />}
    </Editable>
  )
}

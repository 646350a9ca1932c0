import type { FileBody } from '../../api/bodies.ts'
import { pathTo } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Menu } from '../../ui/menu.tsx'
import { CutName, fromNow, sizeOf, Time } from '../../ui/text.tsx'
import { type FileAction, fileActions } from './actions.ts'
import styles from './grid.module.css'
import type { FilesView } from './view.ts'
import { dismiss, type Refusal, refusals } from './work.ts'

export interface RowProps {
  readonly view: FilesView
  /** Undefined: it is being loaded. */
  readonly file: FileBody | undefined
  readonly row: number
  readonly startPx: number
  readonly act: (action: FileAction, files: readonly FileBody[]) => void
  readonly onPick: (row: number, event: MouseEvent) => void
}

/** The id of a row's element. */
export function rowId(row: number): string {
  return `file-${row}`
}

export function Row({ view, file, row, startPx, act, onPick }: RowProps) {
  const isSelected = file !== undefined && view.selection.has(file.id)
  const isActive = view.selection.active.value === row
  const refusal = file && refusals.value.get(file.id)
  const own = [styles.row, isSelected ? styles.selected : '', isActive ? styles.active : '']
  return (
    <tr
      id={rowId(row)}
      class={own.filter(Boolean).join(' ')}
      aria-rowindex={row + 2}
      aria-selected={isSelected}
      style={{ transform: `translateY(${startPx}px)` }}
      onClick={(event) => onPick(row, event)}
    >
      {file === undefined ? (
        <td class={styles.waiting}>Loading…</td>
      ) : (
        <>
          <SelectCell view={view} file={file} row={row} isSelected={isSelected} />
          <NameCell file={file} />
          {refusal === undefined ? (
            <Facts file={file} />
          ) : (
            <RefusalCell view={view} file={file} refusal={refusal} />
          )}
          <td class={styles.menu}>
            <Menu
              label={`What to do with ${file.name.slice(0, 100) || 'this file'}`}
              icon="more"
              items={fileActions(1).map(({ action, ...item }) => ({
                ...item,
                onSelect: () => act(action, [file]),
              }))}
            />
          </td>
        </>
      )}
    </tr>
  )
}

function SelectCell({
  view,
  file,
  row,
  isSelected,
}: Pick<RowProps, 'view' | 'row'> & { readonly file: FileBody; readonly isSelected: boolean }) {
  return (
    <td class={styles.select}>
      <label class={styles.hit}>
        <input
          type="checkbox"
          tabIndex={-1}
          checked={isSelected}
          aria-label={`Select ${file.name.slice(0, 100) || 'this file'}`}
          onClick={(event) => {
            event.stopPropagation()
            if (event.shiftKey) void view.selection.extendTo(row, true)
            else view.selection.toggle(row)
          }}
        />
      </label>
    </td>
  )
}

function NameCell({ file }: { readonly file: FileBody }) {
  return (
    <td class={styles.name}>
      <a href={pathTo(`files/${file.id}`)} tabIndex={-1} class={styles.link}>
        <CutName text={file.name} />
      </a>
      {file.state === 'pending' && <span class={styles.pending}>waits for its bytes</span>}
      {Object.entries(file.labels)
        .slice(0, 3)
        .map(([name, value]) => (
          <span key={name} class={styles.label}>
            <bdi>{name}</bdi>: <bdi>{value}</bdi>
          </span>
        ))}
    </td>
  )
}

function Facts({ file }: { readonly file: FileBody }) {
  return (
    <>
      <td class={styles.size}>{sizeOf(file.sizeBytes)}</td>
      <td class={styles.type}>
        <CutName text={file.mimeType} />
      </td>
      <td class={styles.dialect}>{file.dialect ?? '–'}</td>
      <td class={styles.project}>
        <CutName text={file.project.slug} />
      </td>
      <td class={styles.created}>
        <Time iso={file.createdAt} />
      </td>
      <td class={styles.ends}>
        {file.expiresAt === null ? (
          'never'
        ) : (
          <time dateTime={file.expiresAt} title={new Date(file.expiresAt).toLocaleString()}>
            {fromNow(file.expiresAt)}
          </time>
        )}
      </td>
    </>
  )
}

/** In the place of what the row tells else. */
function RefusalCell({
  view,
  file,
  refusal,
}: {
  readonly view: FilesView
  readonly file: FileBody
  readonly refusal: Refusal
}) {
  return (
    <td class={styles.refusal} colSpan={6}>
      <Icon name="warning" />
      <span class={styles.reason} title={refusal.text}>
        {refusal.text}
      </span>
      <Button kind="quiet" icon="retry" onClick={refusal.retry}>
        Try again
      </Button>
      <Button
        kind="quiet"
        icon="close"
        aria-label="Dismiss"
        onClick={() => (refusal.isGone ? view.remove(new Set([file.id])) : dismiss([file.id]))}
      />
    </td>
  )
}

import type { ComponentChildren } from 'preact'
import styles from './table.module.css'

export interface Column<Row> {
  readonly name: string
  readonly cell: (row: Row) => ComponentChildren
  /** Numbers end under each other. */
  readonly isNumber?: boolean
  /** On a narrow screen it is left out. */
  readonly isMinor?: boolean
}

export interface TableProps<Row> {
  /** What the rows are, for screen readers. */
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  /** What can be done with a row, in a last column without a name. */
  readonly actions?: (row: Row) => ComponentChildren
  /** Below the row that it is about. */
  readonly errorOf?: (row: Row) => string | undefined
}

/** Rows that are few enough to be in the document together; see `pages/files` for more. */
export function Table<Row>({ label, columns, rows, keyOf, actions, errorOf }: TableProps<Row>) {
  const classOf = ({ isNumber, isMinor }: Column<Row>) =>
    [isNumber ? styles.number : '', isMinor ? styles.minor : ''].filter(Boolean).join(' ') || undefined
  return (
    <div class={styles.scroller}>
      <table class={styles.table} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={classOf(column)}>
                {column.name}
              </th>
            ))}
            {actions && (
              <th scope="col">
                <span class="visually-hidden">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column, at) => (
                <td key={column.name} class={classOf(column)}>
                  {column.cell(row)}
                  {at === 0 && errorOf?.(row) && (
                    <p class={styles.error} role="alert">
                      {errorOf(row)}
                    </p>
                  )}
                </td>
              ))}
              {actions && <td class={styles.actions}>{actions(row)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

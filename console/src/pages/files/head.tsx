import { setQuery } from '../../router.ts'
import { Icon } from '../../ui/icon.tsx'
import styles from './grid.module.css'
import { filesQuery, type Sort } from './query.ts'
import type { FilesView } from './view.ts'

/** What is the other way round where it is sorted the first time: new and large files first, names from A. */
const FIRST_ORDER: Readonly<Record<Sort, 'asc' | 'desc'>> = { created: 'desc', name: 'asc', size: 'desc' }

export function sortBy(sort: Sort): void {
  const now = filesQuery()
  const turned = now.order === 'asc' ? 'desc' : 'asc'
  setQuery({ sort, order: now.sort === sort ? turned : FIRST_ORDER[sort] })
}

export function Head({ view }: { readonly view: FilesView }) {
  return (
    <thead class={styles.head}>
      <tr class={styles.columns} aria-rowindex={1}>
        <th scope="col" class={styles.select}>
          <SelectAll view={view} />
        </th>
        <Sorted sort="name" title="Name" class={styles.name} />
        <Sorted sort="size" title="Size" class={styles.size} />
        <th scope="col" class={styles.type}>
          Type
        </th>
        <th scope="col" class={styles.dialect}>
          Through
        </th>
        <th scope="col" class={styles.project}>
          Project
        </th>
        <Sorted sort="created" title="Created" class={styles.created} />
        <th scope="col" class={styles.ends}>
          Ends
        </th>
        <th scope="col" class={styles.menu}>
          <span class="visually-hidden">Actions</span>
        </th>
      </tr>
    </thead>
  )
}

/** All that are found, or none. */
function SelectAll({ view }: { readonly view: FilesView }) {
  const { list, selection } = view
  const size = selection.size.value
  const isAll = size > 0 && list.isWhole && size >= list.count
  return (
    <label class={styles.hit}>
      <input
        type="checkbox"
        checked={isAll}
        indeterminate={size > 0 && !isAll}
        aria-label="Select all"
        onClick={() => {
          if (size > 0) selection.clear()
          else void view.selectAll()
        }}
      />
    </label>
  )
}

function Sorted({
  sort,
  title,
  class: given,
}: {
  readonly sort: Sort
  readonly title: string
  readonly class: string | undefined
}) {
  const { sort: current, order } = filesQuery()
  const isSorted = current === sort
  const isUp = order === 'asc'
  return (
    <th scope="col" class={given} aria-sort={isSorted ? (isUp ? 'ascending' : 'descending') : 'none'}>
      <button type="button" class={styles.sort} onClick={() => sortBy(sort)}>
        {title}
        {isSorted && <Icon name={isUp ? 'up' : 'down'} size={12} />}
      </button>
    </th>
  )
}

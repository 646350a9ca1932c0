import { serverInfo } from '../../api/server-info.ts'
import { setQuery } from '../../router.ts'
import { Button } from '../../ui/button.tsx'
import { type Option, SelectField } from '../../ui/field.tsx'
import styles from './filters.module.css'
import { clearFilters, type FilesQuery, filesQuery, isFiltered, SORTS } from './query.ts'

const ANY: Option = { value: '', label: 'Any' }

const TYPES: readonly Option[] = [
  ANY,
  { value: 'image/*', label: 'Images' },
  { value: 'text/*', label: 'Text' },
  { value: 'application/pdf', label: 'PDF' },
  { value: 'text/csv', label: 'CSV' },
  { value: 'application/json', label: 'JSON' },
  { value: 'audio/*', label: 'Audio' },
  { value: 'video/*', label: 'Video' },
]

const STATES: readonly Option[] = [
  { value: '', label: 'Stored' },
  { value: 'pending', label: 'Waits for its bytes' },
]

const ENDS: readonly Option[] = [
  ANY,
  { value: 'never', label: 'Never' },
  { value: '1', label: 'Within a day' },
  { value: '7', label: 'Within 7 days' },
  { value: '30', label: 'Within 30 days' },
]

/** `minSize-maxSize`. */
const SIZES: readonly Option[] = [
  { value: '-', label: 'Any' },
  { value: '-1000000', label: 'Up to 1 MB' },
  { value: '1000000-10000000', label: '1 to 10 MB' },
  { value: '10000000-100000000', label: '10 to 100 MB' },
  { value: '100000000-', label: 'From 100 MB' },
  { value: '1000000000-', label: 'From 1 GB' },
]

const ORDERS: readonly Option[] = [
  { value: 'created desc', label: 'Newest first' },
  { value: 'created asc', label: 'Oldest first' },
  { value: 'name asc', label: 'Name, from A' },
  { value: 'name desc', label: 'Name, from Z' },
  { value: 'size desc', label: 'Largest first' },
  { value: 'size asc', label: 'Smallest first' },
]

/** What narrows the list, as the address has it. */
export function Filters() {
  const query = filesQuery()
  const size = `${query.minSize}-${query.maxSize}`
  const order = `${query.sort} ${query.order}`
  const choose = (name: keyof FilesQuery) => (value: string) => setQuery({ [name]: value })
  return (
    <fieldset class={styles.filters} aria-label="Filters">
      <SelectField
        label="Type"
        options={withCurrent(TYPES, query.type)}
        value={query.type}
        onChoice={choose('type')}
      />
      <SelectField
        label="Through"
        options={withCurrent(dialects(), query.dialect)}
        value={query.dialect}
        onChoice={choose('dialect')}
      />
      <SelectField label="State" options={STATES} value={query.state} onChoice={choose('state')} />
      <SelectField
        label="Ends"
        options={withCurrent(ENDS, query.ends)}
        value={query.ends}
        onChoice={choose('ends')}
      />
      <SelectField
        label="Size"
        options={withCurrent(SIZES, size)}
        value={size}
        onChoice={(value) => {
          const [minSize = '', maxSize = ''] = value.split('-')
          setQuery({ minSize, maxSize })
        }}
      />
      <SelectField
        label="Order"
        options={ORDERS}
        value={order}
        onChoice={(value) => {
          const [sort = SORTS[0], direction = 'desc'] = value.split(' ')
          setQuery({ sort, order: direction })
        }}
      />
      {isFiltered(query) && (
        <Button kind="quiet" icon="close" class={styles.clear} onClick={clearFilters}>
          Clear
        </Button>
      )}
    </fieldset>
  )
}

/** As the server names them. */
function dialects(): readonly Option[] {
  const names = [...Object.keys(serverInfo.value?.baseUrls ?? {}), 'tus', 'admin']
  return [ANY, ...names.map((name) => ({ value: name, label: name }))]
}

/** A value of the address that is no choice here is one as long as it holds. */
function withCurrent(options: readonly Option[], value: string): readonly Option[] {
  return options.some((option) => option.value === value) ? options : [...options, { value, label: value }]
}

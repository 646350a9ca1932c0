import { signal } from '@preact/signals'
import type { FileBody } from '../../api/bodies.ts'
import { api } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { CopyText } from '../../ui/copy.tsx'
import { Failure } from '../../ui/failure.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import styles from './dialects.module.css'

type Action = 'get' | 'download' | 'delete'
type Language = 'curl' | 'python' | 'javascript'

/** The file as the clients of one API know it. */
interface DialectBody {
  readonly name: string
  readonly title: string
  readonly id: string
  readonly baseUrl: string
  readonly refusal: string | null
  readonly snippets: readonly {
    readonly action: Action
    readonly language: Language
    readonly code: string
  }[]
}

const actions: Readonly<Record<Action, string>> = {
  get: 'Get it',
  download: 'Download it',
  delete: 'Delete it',
}
const languages = [
  { name: 'curl', title: 'curl' },
  { name: 'python', title: 'Python' },
  { name: 'javascript', title: 'JavaScript' },
] as const

/** What one chose last, for the next file. */
const dialect = signal('')
const language = signal<string>('curl')

/** The id of the file and programs that use it, of each API. */
export function Dialects({ file: { id, dialect: origin } }: { readonly file: FileBody }) {
  const { value, error, reload } = useResource((signal) =>
    api.get<{ dialects: readonly DialectBody[] }>(`files/${id}/dialects`, { signal }),
  )
  if (error.value !== undefined) return <Failure what="Ids" error={error.value} retry={reload} />
  const dialects = value.value?.dialects ?? []
  const named = (name: string | null) => dialects.find((each) => each.name === name)
  const shown = named(dialect.value) ?? named(origin) ?? dialects[0]
  if (shown === undefined) return null
  return (
    <Tabs
      label="APIs"
      tabs={dialects}
      chosen={shown.name}
      onChoice={(name) => {
        dialect.value = name
      }}
    >
      <One {...shown} />
    </Tabs>
  )
}

function One({ title, id, baseUrl, refusal, snippets }: DialectBody) {
  const there = languages.filter(({ name }) => snippets.some((snippet) => snippet.language === name))
  const chosen = there.find(({ name }) => name === language.value) ?? there[0]
  return (
    <>
      <dl class={styles.facts}>
        <dt>ID</dt>
        <dd>
          <CopyText text={id} what={`the ID of ${title}`} />
        </dd>
        <dt>Base URL</dt>
        <dd>
          <CopyText text={baseUrl} what={`the base URL of ${title}`} />
        </dd>
      </dl>
      {refusal !== null && (
        <p class={styles.refusal}>
          <Icon name="warning" /> {refusal}
        </p>
      )}
      {chosen && (
        <Tabs
          label="Languages"
          tabs={there}
          chosen={chosen.name}
          onChoice={(name) => {
            language.value = name
          }}
        >
          <p class={styles.hint}>Your key is read from the environment: export KEY=ek_…</p>
          {snippets
            .filter((snippet) => snippet.language === chosen.name)
            .map(({ action, code }) => (
              <section key={action} class={styles.snippet}>
                <h3>{actions[action]}</h3>
                <CopyText text={code} what={`the program: ${actions[action].toLowerCase()}`} />
              </section>
            ))}
        </Tabs>
      )}
    </>
  )
}

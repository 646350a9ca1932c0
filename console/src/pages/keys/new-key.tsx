import { useSignal } from '@preact/signals'
import { type MadeKey, type ProjectBody, SCOPES, type Scope } from '../../access/bodies.ts'
import type { Page, Role } from '../../api/bodies.ts'
import { api } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { hasRole, me } from '../../session.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Failure } from '../../ui/failure.tsx'
import { SelectField, TextField } from '../../ui/field.tsx'
import { DialogForm, useForm } from '../../ui/form.tsx'
import { Choices } from './choices.tsx'
import { type KeyDraft, lifetimes, requestOf } from './key-draft.ts'
import styles from './keys.module.css'
import { MadeKeyView } from './made-key.tsx'

const FIELDS = ['name', 'role', 'projects', 'scopes', 'user', 'fidelity', 'expiresAt']
const MAX_PROJECTS = 1000

const roleHints: Readonly<Record<Role, string>> = {
  viewer: 'Reads files, and changes nothing.',
  member: 'Uses the files of its projects.',
  admin: 'Sees all files of the organization, and makes its projects and keys.',
  operator: 'Administers all organizations, and this server.',
}

export interface NewKeyProps {
  /** By its slug; undefined: the caller's own. */
  readonly organization: string | undefined
  readonly onMade: () => void
  readonly onClose: () => void
}

/** Asks what a new key is for, makes it, and shows its secret once. */
export function NewKey({ organization, onMade, onClose }: NewKeyProps) {
  const made = useSignal<MadeKey | undefined>(undefined)
  const take = (key: MadeKey) => {
    made.value = key
    onMade()
  }
  // One dialog for both, so that the focus comes back to where it was opened.
  return (
    <Dialog
      title={made.value === undefined ? 'New key' : `${made.value.key.name} is made`}
      onClose={onClose}
      isKept
    >
      {made.value === undefined ? (
        <KeyForm organization={organization} onClose={onClose} onMade={take} />
      ) : (
        <MadeKeyView made={made.value} onClose={onClose} />
      )}
    </Dialog>
  )
}

interface KeyFormProps extends Omit<NewKeyProps, 'onMade'> {
  readonly onMade: (made: MadeKey) => void
}

function KeyForm({ organization, onMade, onClose }: KeyFormProps) {
  const own = grantable()
  const draft = useSignal<KeyDraft>(emptyDraft(own))
  const form = useForm(...FIELDS)
  const projects = useResource((signal) => loadProjects(organization, signal))
  const change = (changes: Partial<KeyDraft>) => {
    draft.value = { ...draft.value, ...changes }
  }
  const make = async () => {
    if (draft.value.role !== 'viewer' && draft.value.scopes.length === 0)
      throw form.fault('scopes', 'Choose at least one: a key that may do nothing is of no use.')
    if (draft.value.projects.length === 0) throw form.fault('projects', 'Choose at least one.')
    if (draft.value.lifetime === 'at' && draft.value.endsAt === '')
      throw form.fault('expiresAt', 'Choose a day and a time.')
    onMade(await api.post<MadeKey>('keys', requestOf(draft.value, organization, own)))
  }
  return (
    <DialogForm form={form} action="Make key" onSubmit={make} onClose={onClose}>
      <Identity draft={draft.value} change={change} errorOf={form.errorOf} />
      {projects.error.value !== undefined && (
        <Failure what="Projects" error={projects.error.value} retry={projects.reload} />
      )}
      <Choices
        legend="Projects"
        hint="Uploads that name none go to the first one."
        options={projects.value.value ?? []}
        chosen={draft.value.projects}
        error={form.errorOf('projects')}
        onChange={(projects) => change({ projects })}
      />
      {draft.value.role !== 'viewer' && (
        <Choices
          legend="It may"
          options={own}
          labelOf={(scope) => scope.slice('files:'.length)}
          chosen={draft.value.scopes}
          error={form.errorOf('scopes')}
          onChange={(scopes) => change({ scopes: scopes as readonly Scope[] })}
          isInline
        />
      )}
      <Life draft={draft.value} change={change} errorOf={form.errorOf} />
    </DialogForm>
  )
}

interface PartProps {
  readonly draft: KeyDraft
  readonly change: (changes: Partial<KeyDraft>) => void
  readonly errorOf: (field: string) => string | undefined
}

function Identity({ draft: { name, role }, change, errorOf }: PartProps) {
  const mine = (['viewer', 'member', 'admin', 'operator'] as const).filter(hasRole)
  return (
    <>
      <TextField
        label="Name"
        hint="What it is for, as lists show it."
        name="name"
        autocomplete="off"
        value={name}
        error={errorOf('name')}
        onText={(name) => change({ name })}
      />
      <SelectField
        label="Role"
        hint={roleHints[role]}
        options={mine.map((value) => ({ value, label: value }))}
        value={role}
        error={errorOf('role')}
        onChoice={(role) => change({ role: role as Role })}
      />
    </>
  )
}

function Life({ draft, change, errorOf }: PartProps) {
  const { lifetime, endsAt, user, fidelity } = draft
  return (
    <>
      <div class={styles.pair}>
        <SelectField
          label="It ends"
          options={lifetimes}
          value={lifetime}
          error={lifetime === 'at' ? undefined : errorOf('expiresAt')}
          onChoice={(value) => change({ lifetime: value as KeyDraft['lifetime'] })}
        />
        {lifetime === 'at' && (
          <TextField
            label="At"
            type="datetime-local"
            value={endsAt}
            error={errorOf('expiresAt')}
            onText={(endsAt) => change({ endsAt })}
          />
        )}
      </div>
      <div class={styles.pair}>
        <TextField
          label="User"
          hint="Whose files it makes; may stay empty."
          autocomplete="off"
          value={user}
          error={errorOf('user')}
          onText={(user) => change({ user })}
        />
        <SelectField
          label="Vendors’ refusals"
          options={[
            { value: '', label: 'As the server has them' },
            { value: 'open', label: 'Open: only what is needed' },
            { value: 'strict', label: 'Strict: all of the vendor’s' },
          ]}
          value={fidelity}
          error={errorOf('fidelity')}
          onChoice={(value) => change({ fidelity: value as KeyDraft['fidelity'] })}
        />
      </div>
    </>
  )
}

/** The scopes that the caller has, and so can give. */
function grantable(): readonly Scope[] {
  const own = me.value?.scopes ?? []
  return own.length === 0 ? SCOPES : SCOPES.filter((scope) => own.includes(scope))
}

function emptyDraft(scopes: readonly Scope[]): KeyDraft {
  return {
    name: '',
    role: 'member',
    projects: ['default'],
    scopes,
    user: '',
    fidelity: '',
    lifetime: '',
    endsAt: '',
  }
}

async function loadProjects(
  organization: string | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const query = { organization, limit: MAX_PROJECTS }
  const { projects } = await api.get<Page<'projects', ProjectBody>>('projects', { query, signal })
  return projects.map(({ slug }) => slug)
}

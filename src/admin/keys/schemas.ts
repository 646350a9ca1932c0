import { type Static, Type } from 'typebox'
import { fidelities, roles, scopes } from '../../core/access/keys.ts'
import { MAX_NAME_CHARACTERS } from '../../core/access/names.ts'
import { Named, next, organizationQuery, orNull, pageQuery, time } from '../tenant-lists.ts'

/*
 * For the documentation and the form of answers. Requests are read by `requests.ts`.
 */

const wordOf = <T extends string>(words: readonly T[]) => Type.Enum([...words], { type: 'string' })
const name = Type.String({ minLength: 1, maxLength: MAX_NAME_CHARACTERS, description: 'No space around it.' })
const role = wordOf(roles)
const scopeList = Type.Array(wordOf(scopes), { description: 'Empty: all of them.' })
const fidelity = orNull(wordOf(fidelities))
const end = orNull(Type.String({ format: 'date-time', description: 'Null: it does not end by itself.' }))

export const KeyBody = Type.Object({
  id: Type.String({ format: 'uuid' }),
  name,
  organization: Named,
  projects: Type.Array(Named, { description: 'The first is where uploads go.' }),
  user: orNull(Type.String({ description: 'Null: it acts for its first project.' })),
  role,
  scopes: scopeList,
  fidelity,
  createdAt: time,
  expiresAt: end,
  revokedAt: orNull(time),
})
export type KeyBody = Static<typeof KeyBody>

export const PageBody = Type.Object({ keys: Type.Array(KeyBody), next })
export const ListQuery = Type.Object({ ...organizationQuery, ...pageQuery })
export const KeyParams = Type.Object({ id: Type.String({ format: 'uuid' }) })
export const MadeBody = Type.Object({
  key: KeyBody,
  secret: Type.String({ description: 'Told now and never again.' }),
})

export type MadeBody = Static<typeof MadeBody>

export const CreateBody = Type.Object(
  {
    name,
    ...organizationQuery,
    projects: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description: 'IDs or slugs; the first is where uploads go. By default the project `default`.',
      }),
    ),
    user: Type.Optional(
      orNull(Type.String({ description: 'For whom it acts; by default its first project.' })),
    ),
    role: Type.Optional(role),
    scopes: Type.Optional(scopeList),
    fidelity: Type.Optional(fidelity),
    expiresAt: Type.Optional(end),
  },
  { additionalProperties: false, description: 'By default as much as the key that makes it, as a member.' },
)

import { type Static, type TSchema, Type } from 'typebox'
import { roles, scopes } from '../../core/access/keys.ts'
import { limitParameter } from '../page-limit.ts'
import { MAX_PAGE } from './requests.ts'

/*
 * For the documentation and the form of answers. Requests are read by `requests.ts`.
 */

const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const time = Type.String({ format: 'date-time' })
const uuid = Type.String({ description: 'A UUID.' })
const named = Type.Object({ id: uuid, slug: Type.String() })
const key = orNull(Type.Object({ id: uuid, name: Type.String() }))

export const MeBody = Type.Object({
  session: orNull(Type.Object({ id: uuid, expiresAt: time })),
  key,
  user: orNull(Type.String()),
  role: Type.Enum(roles),
  scopes: Type.Array(Type.Enum(scopes)),
  organization: named,
  projects: Type.Array(named, { description: 'Those that may be used; the default one first.' }),
  publicUrl: Type.String(),
  version: Type.String({ description: 'Of the server.' }),
})
export type MeBody = Static<typeof MeBody>

export const SignInBody = Type.Object({
  oidc: orNull(
    Type.Object({
      label: Type.String({ description: 'Whom one signs in with.' }),
      path: Type.String({ description: 'Where that begins, below the address of the server.' }),
    }),
  ),
})

export const SignInRequest = Type.Object(
  { key: Type.String({ description: 'An API key, in any form.' }) },
  { additionalProperties: false },
)

export const SessionBody = Type.Object({
  id: uuid,
  user: orNull(Type.String()),
  key,
  startedAt: orNull(time),
  lastSeenAt: orNull(Type.String({ format: 'date-time', description: 'To within five minutes.' })),
  expiresAt: time,
  userAgent: orNull(Type.String()),
  isCurrent: Type.Boolean({ description: 'Whether this request came by it.' }),
})
export type SessionBody = Static<typeof SessionBody>

export const PageBody = Type.Object({ sessions: Type.Array(SessionBody), next: orNull(Type.String()) })

export const ListQuery = Type.Object(
  {
    limit: limitParameter(MAX_PAGE),
    after: Type.Optional(Type.String({ description: '`next` of the page before.' })),
  },
  { additionalProperties: false },
)

export const SessionParams = Type.Object({ id: uuid })

import { type Static, Type } from 'typebox'
import { MAX_NAME_CHARACTERS } from '../../core/access/names.ts'
import { Bounds, Named, next, pageQuery, time, Use } from '../tenant-lists.ts'

/*
 * For the documentation and the form of answers. Requests are read by `routes.ts`.
 */

export const OrganizationBody = Type.Object({
  ...Named.properties,
  createdAt: time,
  quota: Bounds,
  usage: Use,
  projects: Type.Integer({ description: 'How many there are.' }),
})
export type OrganizationBody = Static<typeof OrganizationBody>

export const PageBody = Type.Object({ organizations: Type.Array(OrganizationBody), next })
export const ListQuery = Type.Object(pageQuery)
export const OrganizationParams = Type.Object({ id: Type.String({ description: 'ID or slug.' }) })

/** Of an organization or project. */
export const slug = Type.String({
  minLength: 1,
  maxLength: MAX_NAME_CHARACTERS,
  description: 'No space around it, and not of the form of an ID.',
})
export const CreateBody = Type.Object({ slug }, { additionalProperties: false })

import { type Static, Type } from 'typebox'
import { slug } from '../organizations/schemas.ts'
import { Bounds, Named, next, organizationQuery, pageQuery, time, Use } from '../tenant-lists.ts'

/*
 * For the documentation and the form of answers. Requests are read by `routes.ts`.
 */

export const ProjectBody = Type.Object({
  ...Named.properties,
  organization: Named,
  createdAt: time,
  quota: Bounds,
  usage: Use,
})
export type ProjectBody = Static<typeof ProjectBody>

export const PageBody = Type.Object({ projects: Type.Array(ProjectBody), next })
export const ListQuery = Type.Object({ ...organizationQuery, ...pageQuery })
export const CreateBody = Type.Object({ slug, ...organizationQuery }, { additionalProperties: false })

import { type Static, Type } from 'typebox'
import { Bounds, Named, next, organizationQuery, pageQuery, Use } from '../tenant-lists.ts'

/*
 * For the documentation and the form of answers. Requests are read by `routes.ts`.
 */

export const QuotaBody = Type.Object({
  holder: Type.Union([Type.Literal('organization'), Type.Literal('project')]),
  ...Named.properties,
  organization: Named,
  quota: Bounds,
  usage: Use,
})
export type QuotaBody = Static<typeof QuotaBody>

export const PageBody = Type.Object({ quotas: Type.Array(QuotaBody), next })
export const ListQuery = Type.Object({ ...organizationQuery, ...pageQuery })
export const HolderParams = Type.Object({ id: Type.String({ description: 'ID or slug.' }) })
export const SetBody = Bounds
